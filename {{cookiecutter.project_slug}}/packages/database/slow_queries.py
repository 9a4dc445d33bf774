"""Logs the statements that take long: which, and for how long, but never with which values."""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

from sqlalchemy import Engine, event

logger = logging.getLogger(__name__)


def log_slow_queries(engine: Engine, threshold: float) -> None:
    """Log, as a warning, each statement that takes `threshold` seconds or more, failed or not.

    It stands in for the dialect's own methods, which costs less than listening to the connections;
    listeners for the same events are called only if they were there before:
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
            # It was executed, and not only seen.
            return True

        return run

    for name in ("do_execute", "do_executemany", "do_execute_no_params"):
        event.listen(engine, name, timed(getattr(engine.dialect, name)))
