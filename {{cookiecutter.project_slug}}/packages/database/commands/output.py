{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
"""What a command prints: a sentence for people, or an object for machines."""

import json

import click
from sqlalchemy.exc import DBAPIError
{% if db.server %}

from packages.database.connections import describe_refusal
{% endif %}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")


def report(sentence: str, *, as_json: bool, **facts: object) -> None:
    """Print the sentence, or the same as a JSON object with the facts beside it."""
    click.echo(json.dumps({"message": sentence, **facts}) if as_json else sentence)


def describe_failure(error: Exception) -> str:
    """Say in one line what the database refused; no value of a statement is shown."""
    if not isinstance(error, DBAPIError):
        return describe_reason(error)
    if error.statement is None:
{% if db.server %}
        return describe_refusal(error.orig or error)
{% else %}
        return f"DATABASE_URL: {describe_reason(error)}; check it"
{% endif %}
    return f"the database refused a statement: {describe_reason(error)}"


def describe_reason(error: Exception) -> str:
    """Return what the driver or the system says, in one line."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return " ".join(str(cause).split()) or "no answer in time"
