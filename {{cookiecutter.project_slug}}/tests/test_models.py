{% include cookiecutter.session_style ~ '/tests/test_models.py' %}
