{% include cookiecutter.session_style ~ '/tests/test_fixtures.py' %}
