"""Increment counters from 32 tasks, reading before each write; prints the errors. Runs inside a rendered project."""

import asyncio
import sys

from packages.database.config import ReadSessionLocal, SessionLocal, engine, read_engine
from packages.database.models import MyModel
from packages.database.transaction import run_in_transaction
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

TASKS, ROUNDS, COUNTERS = 32, 10, 4


async def increment(db: AsyncSession, counter: int) -> None:
    """Read a number, and write the next."""
    row = await db.get_one(MyModel, counter)
    row.name = str(int(row.name) + 1)


async def work(task: int) -> None:
    """Mix reads and increments; every task meets every counter."""
    for number in range(ROUNDS):
        counter = (task + number) % COUNTERS + 1
        async with SessionLocal() as db:
            await run_in_transaction(db, lambda db, counter=counter: increment(db, counter))
        async with ReadSessionLocal() as db:
            (await db.scalars(select(MyModel))).all()


async def main() -> list[BaseException]:
    """Run all tasks and return what went wrong."""
    outcomes = await asyncio.gather(*(work(number) for number in range(TASKS)), return_exceptions=True)
    await engine.dispose()
    await read_engine.dispose()
    return [outcome for outcome in outcomes if outcome is not None]


failed = asyncio.run(main())
print(*failed, sep="\n", end="")
sys.exit(len(failed))
