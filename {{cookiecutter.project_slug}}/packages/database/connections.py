{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% from 'code.jinja' import imports, is_async, lines with context %}
{% include db.kind ~ '/connections.py' %}
{% if db.misreported %}


{% include 'misreported.py' %}
{% endif %}
