{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% include cookiecutter.session_style ~ '/tests/test_fixtures.py' %}
