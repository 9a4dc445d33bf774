{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% include ('server' if db.server else 'file') ~ '/tests/test_backup.py' %}
