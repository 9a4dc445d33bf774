"""Connects, executes what the command line says, and reports how that ended and how long it took.

The command line has a statement and its values, as JSON.
"""

import json
import sys
from time import monotonic

from concurrency import run
from packages.database.config import engine
from sqlalchemy import text
from sqlalchemy.exc import OperationalError


async def main() -> None:
    """Execute the statement."""
    ending = ""
    begun = monotonic()
    try:
        async with engine.connect() as connection:
            await connection.execute(text(sys.argv[1]), json.loads(sys.argv[2]))
    except OperationalError as error:
        ending = str(error.orig)
    print(json.dumps({"ending": ending, "seconds": monotonic() - begun}))


run(main)
