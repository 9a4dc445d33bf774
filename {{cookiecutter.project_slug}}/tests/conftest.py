{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% from 'code.jinja' import imports, lines with context %}
{% include cookiecutter.session_style ~ '/tests/conftest.py' %}
