"""`wait`: returns once the database answers."""

import time

import click
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from packages.database.commands.output import describe_failure, json_option, report
from packages.database.commands.running import NotInTimeError, run

PAUSE_SECONDS = 0.5


@click.command()
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="Seconds after which no further attempt begins.",
)
@json_option
def wait(*, seconds: float, as_json: bool) -> None:
    """Wait until the database answers.

    For containers that start beside their database. An attempt that has begun may take as long as
    the settings allow for connecting.
    """
    run(lambda engine: wait_for_answer(engine, seconds))
    report("The database answers.", as_json=as_json)


def wait_for_answer(engine: Engine, seconds: float) -> None:
    """Poll the database until it answers.

    Raises:
        NotInTimeError: it has not answered after `seconds`; the message has the last reason.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            with engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.execute(select(1))
        except (SQLAlchemyError, OSError) as error:
            if time.monotonic() >= deadline:
                raise NotInTimeError(
                    f"the database does not answer after {seconds:g} s: {describe_failure(error)}"
                ) from None
        else:
            return
        time.sleep(PAUSE_SECONDS)
