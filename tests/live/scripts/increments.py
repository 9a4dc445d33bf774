"""Adds one to rows that others want as well, through `run_in_transaction` of a rendered project.

Usage: increments.py CLIENTS ROUNDS ROWS; prints what happened as JSON. It changes row 1, says "holding", and
commits at a line on standard input, so that two of them must conflict; then all clients begin.
"""

import json
import sys
from asyncio import to_thread
from collections.abc import Awaitable, Callable
from functools import partial

from concurrency import Barrier, at_once, run
from packages.database.config import Base, SessionLocal, engine
from packages.database.transaction import run_in_transaction
from sqlalchemy import ExceptionContext, event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

CLIENTS, ROUNDS, ROWS = map(int, sys.argv[1:])

tries: list[int] = []
errors: list[str] = []
codes: list[str] = []


class Account(Base):
    """A row that many want to change."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    balance: Mapped[int]


@event.listens_for(engine.sync_engine, "handle_error")
def note(context: ExceptionContext) -> None:
    """Keep the code of an error, and whether it came at the commit."""
    place = "statement" if context.statement else "commit"
    codes.append(f"{context.original_exception.args[0]} at {place}")


async def add(db: AsyncSession, row: int, hold: Callable[[], Awaitable[None]] | None = None) -> None:
    """Add one to a row in a transaction; before the first commit, hold it for as long as `hold` takes."""
    mine = 0

    async def work(db: AsyncSession) -> None:
        nonlocal mine
        mine += 1
        (await db.get_one(Account, row, with_for_update=True)).balance += 1
        await db.flush()
        if hold and mine == 1:
            await hold()

    try:
        await run_in_transaction(db, work)
    except Exception as error:  # noqa: BLE001 - the test wants none
        errors.append(f"{type(error).__name__}: {error}")
    tries.append(mine)


async def wait_for_word() -> None:
    """Say that the row is held, and wait until the test has heard it from all."""
    print("holding", flush=True)
    await to_thread(sys.stdin.readline, -1)


async def client(number: int, meeting: Barrier) -> None:
    """Add one to a row, again and again."""
    async with SessionLocal() as db:
        await db.connection()  # connected before the others begin
        await db.rollback()
        await meeting.wait()
        for turn in range(ROUNDS):
            await add(db, 1 + (number + turn) % ROWS)


async def main() -> None:
    """Conflict once for certain, then let all clients begin at once."""
    meeting = Barrier(CLIENTS + 1)

    async def first() -> None:
        async with SessionLocal() as db:
            await add(db, 1, wait_for_word)
        await meeting.wait()

    await at_once(first, *(partial(client, number, meeting) for number in range(CLIENTS)))
    print(json.dumps({"tries": tries, "errors": errors, "codes": codes}))


run(main)
