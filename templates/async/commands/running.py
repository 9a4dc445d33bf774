"""Runs the work of a command on the engine of the service."""

{# async #}
import asyncio
{# end #}
from collections.abc import Callable
{# async #}
from concurrent.futures import ThreadPoolExecutor
{# end #}
from typing import TypeVar

import click
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from packages.config import PROJECT_ROOT
{# async #}
from packages.database.config import SessionLocal, engine, read_engine
{# sync
from packages.database.config import engine, read_engine
#}

Result = TypeVar("Result")


class NotInTimeError(click.ClickException):
    """Something did not happen within the time that the caller gave."""

    exit_code = 3


{# async #}
def run(work: Callable[[Engine], Result]) -> Result:
    """Call `work` with the service's engine in its synchronous form, and return its result."""

    async def main() -> Result:
        try:
            async with SessionLocal() as db:
                return await db.run_sync(lambda _session: work(engine.sync_engine))
        finally:
            await engine.dispose()
            await read_engine.dispose()

    # With `asyncio.run`, only the second Ctrl-C would end work that awaits nothing.
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


def migrate() -> None:
    """Run the missing migrations, in a thread, since env.py starts an event loop of its own."""
    config = Config(PROJECT_ROOT / "alembic.ini")
    with ThreadPoolExecutor(max_workers=1) as executor:
        executor.submit(command.upgrade, config, "head").result()
{# sync
def run(work: Callable[[Engine], Result]) -> Result:
    """Call `work` with the service's engine, and return its result."""
    try:
        return work(engine)
    finally:
        engine.dispose()
        read_engine.dispose()


def migrate() -> None:
    """Run the missing migrations."""
    command.upgrade(Config(PROJECT_ROOT / "alembic.ini"), "head")
#}
