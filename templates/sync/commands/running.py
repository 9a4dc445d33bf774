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
    """Something did not happen in the time that the caller gave."""

    exit_code = 3


def run(work: Callable[[Engine], Result]) -> Result:
    """Return what `work` returns; it takes the engine of the service."""
    try:
        return work(engine)
    finally:
        engine.dispose()
        read_engine.dispose()


def migrate() -> None:
    """Run the migrations that are missing."""
    command.upgrade(Config(PROJECT_ROOT / "alembic.ini"), "head")
