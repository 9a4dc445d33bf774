{% include cookiecutter.session_style ~ '/commands/running.py' %}
