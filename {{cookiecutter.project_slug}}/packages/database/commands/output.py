"""What a command prints: a sentence for people, or an object for machines."""

import json

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")


def report(sentence: str, *, as_json: bool, **facts: object) -> None:
    """Print the sentence, or the same as a JSON object with the facts beside it."""
    click.echo(json.dumps({"message": sentence, **facts}) if as_json else sentence)
