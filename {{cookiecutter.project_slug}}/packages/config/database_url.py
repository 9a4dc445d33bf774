{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% from 'code.jinja' import imports with context %}
{% include db.kind ~ '/database_url.py' %}
