"""Runs the work of a command on the engine of the service."""

{# async #}
import asyncio
{# end #}
from collections.abc import Callable
{# async #}
from contextlib import suppress
{# end #}
from typing import TypeVar

import click
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine
{# async #}
from sqlalchemy.util import await_only
{# end #}

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
    task = loop.create_task(main())
    try:
        return loop.run_until_complete(task)
    except KeyboardInterrupt:
        # Have the server cancel a statement that still runs, and wait for it.
        task.cancel()
        with suppress(BaseException):
            loop.run_until_complete(task)
        raise
    finally:
        loop.close()


def migrate() -> None:
    """Run the missing migrations, in the event loop of `run`, so that Ctrl-C ends them, too."""
    config = Config(PROJECT_ROOT / "alembic.ini")
    config.attributes["run"] = await_only
    command.upgrade(config, "head")
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
