"""Increments counters from 32 clients, reading before each write; prints the errors."""

import sys
from functools import partial

from concurrency import at_once, run
from packages.database.config import ReadSessionLocal, SessionLocal
from packages.database.models import MyModel
from packages.database.transaction import run_in_transaction
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

CLIENTS, ROUNDS, COUNTERS = 32, 10, 4

failed: list[Exception] = []


async def increment(db: AsyncSession, counter: int) -> None:
    """Read a number, and write the next."""
    row = await db.get_one(MyModel, counter)
    row.name = str(int(row.name) + 1)


async def work(client: int) -> None:
    """Mix reads and increments; every client meets every counter."""
    try:
        for number in range(ROUNDS):
            counter = (client + number) % COUNTERS + 1
            async with SessionLocal() as db:
                await run_in_transaction(db, lambda db, counter=counter: increment(db, counter))
            async with ReadSessionLocal() as db:
                (await db.scalars(select(MyModel))).all()
    except Exception as error:  # noqa: BLE001 - the test wants none
        failed.append(error)


async def main() -> None:
    """Let all clients work at once."""
    await at_once(*(partial(work, number) for number in range(CLIENTS)))


run(main)
print(*failed, sep="\n", end="")
sys.exit(len(failed))
