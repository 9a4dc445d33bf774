"""What the scripts do at once, in tasks of an event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from packages.database.config import engine, read_engine
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncSession

WAIT_SECONDS = 30


class Barrier:
    """Lets so many tasks go on together; one that waits longer than 30 seconds has lost its partner."""

    def __init__(self, parties: int) -> None:
        """Begin with no task."""
        self._barrier = asyncio.Barrier(parties)

    async def wait(self) -> None:
        """Wait for the others."""
        async with asyncio.timeout(WAIT_SECONDS):
            await self._barrier.wait()


class Runner:
    """Runs functions one after the other on a loop that stays open between them, as a server's does."""

    def __init__(self) -> None:
        """Begin with a new loop."""
        self._runner = asyncio.Runner()

    def run(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Run a function to its end."""
        return self._runner.run(function(*arguments))

    def close(self) -> None:
        """Close the connections and the loop."""
        self.run(engine.dispose)
        self.run(read_engine.dispose)
        self._runner.close()


async def at_once(*functions: Callable[[], Awaitable[None]]) -> None:
    """Call all functions at once, and wait for them."""
    await asyncio.gather(*(function() for function in functions))


async def call(db: AsyncSession, function: Callable[..., object], *arguments: object) -> None:
    """Call a function that waits for a database and is not asynchronous."""
    await db.run_sync(lambda _session: function(*arguments))


async def create_tables(metadata: MetaData) -> None:
    """Create tables in place of those of an earlier run."""
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run the script's main function, and close the connections."""
    runner = Runner()
    runner.run(main)
    runner.close()
