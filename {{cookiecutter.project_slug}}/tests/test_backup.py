{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% include db.kind ~ '/tests/test_backup.py' %}
