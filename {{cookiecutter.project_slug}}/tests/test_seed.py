{% include cookiecutter.session_style ~ '/tests/test_seed.py' %}
