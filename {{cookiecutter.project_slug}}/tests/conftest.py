{% include cookiecutter.session_style ~ '/tests/conftest.py' %}
