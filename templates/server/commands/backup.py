"""`backup` and `restore`: print the commands of {{ db.name }}'s own tools.

{{ db.backup_manual }}
"""

import json
from shlex import quote
from typing import NoReturn

import click
{% if db.backup_import %}
{{ db.backup_import }}
{% endif %}

{% if "settings." in db.backup_constants ~ db.backup_functions %}
from packages.config.settings import settings
{% endif %}
from packages.database.commands.output import json_option
from packages.database.config import SQLALCHEMY_DATABASE_URL{{ ", engine" if "engine." in db.backup_functions }}
{% if "tls_arguments(" in db.backup_functions %}
from packages.database.tls import tls_arguments
{% endif %}

{{ db.backup_constants }}


@click.command()
@click.argument("file")
@json_option
def backup(file: str, *, as_json: bool) -> None:
    """Print the command that backs the database up to FILE.

    It does not run the command, and so ends with code 1.
    """
    _print(backup_command(file), "backed up", as_json=as_json)


@click.command()
@click.argument("file")
@json_option
def restore(file: str, *, as_json: bool) -> None:
    """Print the command that brings the database back from FILE.

    It does not run the command, and so ends with code 1.
    """
    _print(restore_command(file), "restored", as_json=as_json)


def _print(command: str, done: str, *, as_json: bool) -> NoReturn:
    """Print a command on standard output, and what a person needs to know on standard error."""
    click.echo(json.dumps({"command": command}) if as_json else command)
    raise click.ClickException(f"nothing is {done} yet: run the command above; {ADVICE}")


{{ db.backup_functions }}
