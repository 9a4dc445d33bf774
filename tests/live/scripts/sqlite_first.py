"""Opens the first connection of a process, and prints the journal mode that the database then has."""

from concurrency import run
from packages.database.config import engine


async def main() -> None:
    """Connect."""
    print("connecting", flush=True)
    async with engine.connect() as connection:
        print((await connection.exec_driver_sql("PRAGMA journal_mode")).scalar_one(), flush=True)


run(main)
