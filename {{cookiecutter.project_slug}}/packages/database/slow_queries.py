"""Logs slow statements: their text and duration, never their values."""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

from sqlalchemy import Engine, event

logger = logging.getLogger(__name__)


def log_slow_queries(engine: Engine, threshold: float) -> None:
    """Log a warning for each statement that takes `threshold` seconds or more, failed or not.

    It replaces the dialect's methods, which costs less than events of the connections. Register
    other listeners for the same events before it, or they are not called:
    https://docs.sqlalchemy.org/en/20/core/events.html#sqlalchemy.events.DialectEvents
    """

    def timed(execute: Callable[..., None]) -> Callable[..., bool]:
        def run(cursor: Any, statement: str, *arguments: Any) -> bool:  # noqa: ANN401
            started_at = perf_counter()
            try:
                execute(cursor, statement, *arguments)
            finally:
                seconds = perf_counter() - started_at
                if seconds >= threshold:
                    logger.warning("slow query, %.3f s: %s", seconds, statement)
            return True  # tells SQLAlchemy not to execute it again

        return run

    for name in ("do_execute", "do_executemany", "do_execute_no_params"):
        event.listen(engine, name, timed(getattr(engine.dialect, name)))
