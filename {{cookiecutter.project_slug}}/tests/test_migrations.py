{% include cookiecutter.session_style ~ '/tests/test_migrations.py' %}
