"""Executes a statement several times, and prints how many statements the connection has prepared."""

from concurrency import run
from packages.database.config import ReadSessionLocal, engine, read_engine
from sqlalchemy import text

TIMES = 8  # the driver prepares what was executed more than five times


async def main() -> None:
    """Execute it on one connection."""
    async with ReadSessionLocal() as db:
        for number in range(TIMES):
            await db.execute(text("SELECT :number"), {"number": number})
        print((await db.execute(text("SELECT count(*) FROM pg_prepared_statements"))).scalar())
    await engine.dispose()
    await read_engine.dispose()


run(main)
