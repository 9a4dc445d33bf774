"""Connects, executes what the command line says, and reports how that ended and how long it took; in both styles."""

import asyncio
import json
import sys
from time import monotonic

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from packages.database.config import engine

STATEMENT = sys.argv[1]


async def execute() -> None:
    """Execute the statement on a connection of the event loop."""
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(STATEMENT)
    finally:
        await engine.dispose()


begun = monotonic()
try:
    if isinstance(engine, Engine):
        with engine.connect() as connection:
            connection.exec_driver_sql(STATEMENT)
    else:
        asyncio.run(execute())
    ending = ""
except OperationalError as error:
    ending = str(error.orig)
print(json.dumps({"ending": ending, "seconds": monotonic() - begun}))
