"""Runs a statement that hangs in a session; prints how it ended as JSON.

Usage: hanging.py STATEMENT
"""

import json
import sys
import time

from concurrency import run
from packages.database.config import SessionLocal
from sqlalchemy import text


async def main() -> None:
    """Run the statement on a connection that exists already, so that only the statement is timed."""
    ending = "no error"
    async with SessionLocal() as db:
        await db.execute(text("SELECT 1"))
        begun = time.monotonic()
        try:
            await db.execute(text(sys.argv[1]))
        except Exception as error:  # noqa: BLE001 - the test names the one that it expects
            ending = type(error).__name__
        seconds = time.monotonic() - begun
        # The session is of use afterwards.
        await db.rollback()
        answer = await db.scalar(text("SELECT 1"))
    print(json.dumps({"ending": ending, "seconds": seconds, "answer": answer}))


run(main)
