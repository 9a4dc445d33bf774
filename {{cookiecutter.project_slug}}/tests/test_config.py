{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% from 'code.jinja' import imports, is_async with context %}
{% include cookiecutter.session_style ~ '/tests/test_config.py' %}
