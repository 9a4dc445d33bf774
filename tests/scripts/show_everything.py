"""Run inside a rendered project: shows everything that a log, a crash report or a curious developer would show.

No part of the password may appear in what this prints.
"""

import asyncio
import logging
import sys
import traceback

logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
logger = logging.getLogger(__name__)

from packages.config import settings as module  # noqa: E402 - after the logging
from packages.config.settings import settings  # noqa: E402
from packages.database.config import SQLALCHEMY_DATABASE_URL, engine  # noqa: E402

for name in ("sqlalchemy.engine", "sqlalchemy.pool", "sqlalchemy.dialects", "sqlalchemy.orm"):
    logging.getLogger(name).setLevel(logging.DEBUG)


def show_error(statement: str) -> None:
    """Execute a statement that fails, or cannot be sent, and show the error with the variables of every frame."""
    try:
        if hasattr(engine, "sync_engine"):
            asyncio.run(execute(statement))
        else:
            with engine.connect() as connection:
                connection.exec_driver_sql(statement)
    except Exception as error:
        report = traceback.TracebackException.from_exception(error, capture_locals="without-variables" not in sys.argv)
        print("".join(report.format()))
        print(repr(error), error, getattr(error, "orig", ""))
        logger.exception("it failed")
        chained = error.__cause__ or error.__context__
        print(repr(chained))
    else:
        message = "the statement did not fail"
        raise AssertionError(message)


async def execute(statement: str) -> None:
    """Execute a statement, and leave no connection of this event loop behind."""
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(statement)
    finally:
        await engine.dispose()


print(settings, repr(settings), vars(settings), settings.model_dump(), settings.model_dump_json())
print(engine, repr(engine), repr(engine.url), engine.url, SQLALCHEMY_DATABASE_URL, tuple(SQLALCHEMY_DATABASE_URL))
print(engine.pool, engine.pool.status(), vars(engine.dialect))
print(vars(module))
show_error("SELECT 1 FROM no_such_table")
