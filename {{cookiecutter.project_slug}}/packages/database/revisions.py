"""Compares the revision of the database with the revisions of the code."""

import configparser
import traceback
import warnings
from functools import cache
from pathlib import Path
from typing import Literal

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection

from packages.config import PROJECT_ROOT

State = Literal["at head", "behind", "ahead"]


@cache
def scripts() -> ScriptDirectory:
    """Return the revisions of the code.

    Raises:
        FileNotFoundError: the code was installed from a wheel, which has none.
        CommandError: `alembic.ini` or a revision has an error.
    """
    configuration = PROJECT_ROOT / "alembic.ini"
    if not configuration.exists():
        raise FileNotFoundError(
            f"there is no {configuration}: a wheel has no migrations; work in the service's folder"
        )
    try:
        with warnings.catch_warnings():
            # Of a revision that is missing or there twice; what follows would be a KeyError.
            warnings.filterwarnings("error", "Revision ", UserWarning)
            directory = ScriptDirectory.from_config(Config(configuration))
            directory.get_heads()  # imports the revisions
    except CommandError:
        raise
    except Exception as error:
        raise CommandError(_describe(error, configuration)) from error
    return directory


def _describe(error: Exception, configuration: Path) -> str:
    """Say in a sentence where a revision or the configuration has an error, and which."""
    frames = traceback.extract_tb(error.__traceback__)
    modules = [f"{each.filename}, line {each.lineno}" for each in frames if each.name == "<module>"]
    place = modules[-1] if modules else "migrations/versions"
    if isinstance(error, SyntaxError):
        place = f"{error.filename}, line {error.lineno}"
    elif isinstance(error, configparser.Error):
        place = str(configuration)
    kind = type(error).__name__
    return f"{place}: {kind}: {error}; correct it and run this again"


def expected_revisions() -> frozenset[str]:
    """Return the newest revision of the code, as a set."""
    return frozenset(scripts().get_heads())


def read_revisions(connection: Connection) -> frozenset[str]:
    """Return the revisions that the database is at; an empty database has none."""
    return frozenset(MigrationContext.configure(connection).get_current_heads())


def compare(revisions: frozenset[str]) -> State:
    """Compare the revisions of a database with those of the code.

    Returns:
        `ahead` when the code does not know one of them: the database was migrated by newer code,
        and this code must not migrate it. `behind` when revisions of the code are missing.
    """
    if revisions == expected_revisions():
        return "at head"
    return "behind" if all(map(_is_known, revisions)) else "ahead"


def describe_difference(revisions: frozenset[str]) -> str:
    """Say how the schema differs from the code's and what to do; empty when they are equal."""
    state = compare(revisions)
    if state == "at head":
        return ""
    found = ", ".join(sorted(revisions)) or "none"
    expected = ", ".join(sorted(expected_revisions())) or "none"
    todo = "run: python -m packages.database upgrade"
    if state == "ahead":
        todo = f"deploy the code that has {found}"
    return f"the database is at revision {found}, {state}; the code is at {expected}; {todo}"


def _is_known(revision: str) -> bool:
    try:
        return scripts().revision_map.get_revision(revision) is not None
    except ResolutionError:
        return False
