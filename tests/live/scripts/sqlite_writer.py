"""Commits rows until it is killed, and prints the id of each once it is committed."""

from itertools import count

from concurrency import run
from packages.database.config import SessionLocal
from packages.database.models import MyModel


async def main() -> None:
    """Write until the end."""
    for number in count():
        async with SessionLocal() as db:
            row = MyModel(name=f"{number} " + "x" * 200)
            db.add(row)
            await db.flush()
            key = row.id
            await db.commit()
            print(key, flush=True)


run(main)
