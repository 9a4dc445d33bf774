{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% from 'code.jinja' import imports with context %}
"""`upgrade`: brings the database to the newest revision, one process at a time."""

import click
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
{{- imports("tenacity", RetryCallState=true, Retrying=true, retry_if_exception=true, stop_after_attempt=true, wait_random_exponential=true) if db.transactional_ddl }}

from packages.database.commands.migration_lock import migration_lock
{{- imports("packages.database.commands.output", describe_failure=not db.transactional_ddl, describe_reason=db.transactional_ddl, json_option=true, report=true) }}
from packages.database.commands.running import {{ "NotInTimeError, " if db.transactional_ddl }}migrate, run
from packages.database.revisions import compare, expected_revisions, read_revisions
{% if db.transactional_ddl %}
from packages.database.transaction import is_retryable

# For a revision that waits for a lock of the service; each attempt waits as the settings say.
ATTEMPTS = 10
{% endif %}


@click.command()
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    help="Seconds to wait while another process migrates.",
)
@json_option
def upgrade(*, wait_seconds: float, as_json: bool) -> None:
    """Bring the database to the newest revision.

    Any number of processes may run this at once: one migrates, and the others wait for it and find
    nothing to do. {% if db.transactional_ddl and db.server %}Each revision has a transaction of its own.{% elif db.transactional_ddl %}All revisions have one transaction.{% else %}A revision that fails may have done a part of its work, since
    {{ db.name }} commits around each change of the schema.{% endif %}

    """
    sentence = run(lambda engine: bring_up(engine, wait_seconds))
    report(sentence, as_json=as_json, revisions=sorted(expected_revisions()))


def bring_up(engine: Engine, wait_seconds: float) -> str:
    """Run the missing migrations, and return a sentence that says what was done.

    Raises:
        click.ClickException: the code has two heads, or the database is ahead of it{{ ",\n            or refused a change" if not db.transactional_ddl }}.
        NotInTimeError: another process still migrates after `wait_seconds`{{ ", or no attempt\n            was given the locks that it needs" if db.transactional_ddl }}.
    """
    if len(expected_revisions()) > 1:
        raise click.ClickException(
            f"the code has several newest revisions: {_heads()}; run: alembic merge heads"
        )
    if _is_at_head(engine):
        return f"The database is at revision {_heads()}; there is nothing to do."
    with migration_lock(engine, wait_seconds):
        if _is_at_head(engine):
            return f"Another process has brought the database to revision {_heads()}."
{% if db.transactional_ddl %}
        retrying = Retrying(
            retry=retry_if_exception(is_retryable),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.5, max=5),
            before_sleep=_say_so,
            reraise=True,
        )
        try:
            retrying(migrate)
        except DBAPIError as error:
            if is_retryable(error):
                raise NotInTimeError(_give_up(error)) from None
            raise
{% else %}
        try:
            migrate()
        except DBAPIError as error:
            raise click.ClickException(_describe(error)) from None
{% endif %}
    return f"The database is now at revision {_heads()}."


def _is_at_head(engine: Engine) -> bool:
    with engine.connect() as connection:
        # Without a transaction{{ ", which would wait for one that migrates" if not db.server }}.
        connection.execution_options(isolation_level="AUTOCOMMIT")
        revisions = read_revisions(connection)
    if compare(revisions) == "ahead":
        raise click.ClickException(
            f"the database is at revision {', '.join(sorted(revisions))}, which this code does not"
            " have; deploy the newer code, or downgrade with the code that has the revision; if it"
            " was squashed, run `upgrade` of the code before that first"
        )
    return compare(revisions) == "at head"


def _heads() -> str:
    return ", ".join(sorted(expected_revisions())) or "base"
{% if db.transactional_ddl %}


def _say_so(state: RetryCallState) -> None:
    sentence = f"The service holds a lock that the migration needs; attempt {state.attempt_number}."
    click.echo(sentence, err=True)


def _give_up(error: DBAPIError) -> str:
    return (
        f"the migration got no lock in {ATTEMPTS} attempts: {describe_reason(error)}; end the"
        " transactions that hold it, or try again later"
    )
{% else %}


def _describe(error: DBAPIError) -> str:
    """Say what failed, and that a part of the revision may be done."""
    sentence = describe_failure(error)
    if error.statement is None:
        return sentence
    return (
        f"{sentence}; what the revision has changed before stays changed: undo that part by hand,"
        " then run `upgrade` again"
    )
{% endif %}
