"""The command line of the database: `python -m packages.database`."""

import logging
from typing import Any

import click
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from packages.config.settings import settings
from packages.database import commands
from packages.database.commands.output import describe_failure
from packages.modules import import_modules

EXIT_CODES = """\b
Exit codes:
  0  done
  1  failed; one sentence on standard error says why
  2  wrong usage
  3  not done in the time given; trying again later may help
"""


class Commands(click.Group):
    """Commands that report an error of the database or of Alembic in one sentence."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the command.

        Raises:
            click.ClickException: the database cannot be reached, or refused a statement; or Alembic
                cannot use the revisions.
        """
        try:
            return super().invoke(ctx)
        except (SQLAlchemyError, OSError, CommandError) as error:
            raise click.ClickException(describe_failure(error)) from None


@click.group(cls=Commands, epilog=EXIT_CODES, context_settings={"max_content_width": 100})
def main() -> None:
    """Work on the database that DATABASE_URL names."""
    level = logging.getLevelNamesMapping()[settings.LOG_LEVEL]
    # Below a warning, only the revisions are named: a command ends with a sentence of its own.
    logging.basicConfig(format="%(message)s", level=max(level, logging.WARNING))
    logger = logging.getLogger("alembic.runtime.migration")
    logger.setLevel(level)
    logger.addFilter(lambda record: str(record.msg).startswith("Running"))


# Adds each command of each module in this folder.
for module in import_modules(commands):
    for command in vars(module).values():
        if isinstance(command, click.Command) and command is not main:
            main.add_command(command)
