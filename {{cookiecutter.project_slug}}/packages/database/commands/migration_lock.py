{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% include db.kind ~ '/commands/migration_lock.py' %}
