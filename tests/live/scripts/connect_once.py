"""Connects, executes what the command line says, and reports how that ended and how long it took; in both styles.

The command line has a statement and its values, as JSON.
"""

import asyncio
import json
import sys
from time import monotonic

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from packages.database.config import engine

STATEMENT = text(sys.argv[1])
VALUES = json.loads(sys.argv[2])


async def execute() -> None:
    """Execute the statement on a connection of the event loop."""
    try:
        async with engine.connect() as connection:
            await connection.execute(STATEMENT, VALUES)
    finally:
        await engine.dispose()


begun = monotonic()
try:
    if isinstance(engine, Engine):
        with engine.connect() as connection:
            connection.execute(STATEMENT, VALUES)
    else:
        asyncio.run(execute())
    ending = ""
except OperationalError as error:
    ending = str(error.orig)
print(json.dumps({"ending": ending, "seconds": monotonic() - begun}))
