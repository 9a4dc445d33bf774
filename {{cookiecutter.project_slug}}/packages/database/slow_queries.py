"""Logs the statements that take long: which, and for how long, but never with which values."""

import logging
from time import perf_counter
from typing import Any

from sqlalchemy import Engine, event

logger = logging.getLogger(__name__)


def log_slow_queries(engine: Engine, threshold: float) -> None:
    """Log, as a warning, each statement that takes `threshold` seconds or more."""

    # SQLAlchemy gives: connection, cursor, statement, parameters, context, executemany.
    def start(*arguments: Any) -> None:  # noqa: ANN401
        arguments[4].started_at = perf_counter()

    def stop(*arguments: Any) -> None:  # noqa: ANN401
        seconds = perf_counter() - arguments[4].started_at
        if seconds >= threshold:
            logger.warning("slow query, %.3f s: %s", seconds, arguments[2])

    event.listen(engine, "before_cursor_execute", start)
    event.listen(engine, "after_cursor_execute", stop)
