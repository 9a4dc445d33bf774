{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% include 'test_namespaces/' ~ db.test_namespace ~ '.py' %}
