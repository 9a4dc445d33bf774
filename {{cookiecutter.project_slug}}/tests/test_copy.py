{% include cookiecutter.session_style ~ '/tests/test_copy.py' %}
