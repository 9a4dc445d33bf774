{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% from 'code.jinja' import imports with context %}
{% include cookiecutter.session_style ~ '/test_namespaces/' ~ db.test_namespace ~ '.py' %}
