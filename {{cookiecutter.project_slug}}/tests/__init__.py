{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
"""The tests: importing them points the settings at the test database, before an engine exists."""

from packages.config.settings import settings
from tests.databases import choose_test_database

settings.DATABASE_URL = choose_test_database()
{% if db.server %}
settings.DATABASE_READ_URL = None
{% endif %}
