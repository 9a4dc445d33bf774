"""Runs the work of a command on the engine of the service."""

from collections.abc import Callable
from typing import TypeVar

import click
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from packages.config import PROJECT_ROOT
from packages.database.config import engine, read_engine

Result = TypeVar("Result")


class NotInTimeError(click.ClickException):
    """Something did not happen within the time that the caller gave."""

    exit_code = 3


def run(work: Callable[[Engine], Result]) -> Result:
    """Call `work` with the service's engine, and return its result."""
    try:
        return work(engine)
    finally:
        engine.dispose()
        read_engine.dispose()


def migrate() -> None:
    """Run the missing migrations."""
    command.upgrade(Config(PROJECT_ROOT / "alembic.ini"), "head")
