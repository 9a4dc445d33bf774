"""Executes a statement in a session of a new connection; reports how that ended and how long it took, as JSON.

Usage: statement_once.py STATEMENT VALUES [NEXT]; what the session answers to the next statement is in the report.
With PING_FIRST=1, the connection is not new: it was idle, and is pinged.
"""

import json
import os
import sys
from time import monotonic

from concurrency import run
from packages.database import liveness
from packages.database.config import SessionLocal
from sqlalchemy import text
from sqlalchemy.exc import OperationalError


async def main() -> None:
    """Execute the statement."""
    ending = ""
    if os.environ.get("PING_FIRST"):
        liveness.PING_AFTER_IDLE_SECONDS = 0
        async with SessionLocal() as db:
            await db.scalar(text("SELECT 1"))
    async with SessionLocal() as db:
        begun = monotonic()
        try:
            await db.execute(text(sys.argv[1]), json.loads(sys.argv[2]))
        except OperationalError as error:
            ending = str(error.orig)
        seconds = monotonic() - begun
        await db.rollback()
        answers = [await db.scalar(text(statement)) for statement in sys.argv[3:]]
    print(json.dumps({"ending": ending, "seconds": seconds, "answers": answers}))


run(main)
