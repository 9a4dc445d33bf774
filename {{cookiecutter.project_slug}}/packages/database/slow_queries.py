"""Logs the statements that take long: which, and for how long, but never with which values."""

import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext

logger = logging.getLogger(__name__)


def log_slow_queries(engine: Engine, threshold: float) -> None:
    """Log, as a warning, each statement that takes `threshold` seconds or more, failed or not."""

    def report(context: Any, statement: str) -> None:  # noqa: ANN401
        seconds = perf_counter() - context.started_at
        if seconds >= threshold:
            logger.warning("slow query, %.3f s: %s", seconds, statement)

    # SQLAlchemy gives: connection, cursor, statement, parameters, context, executemany.
    def start(*arguments: Any) -> None:  # noqa: ANN401
        arguments[4].started_at = perf_counter()

    def stop(*arguments: Any) -> None:  # noqa: ANN401
        report(arguments[4], arguments[2])

    def fail(failure: "ExceptionContext") -> None:
        if failure.statement and hasattr(failure.execution_context, "started_at"):
            report(failure.execution_context, failure.statement)

    event.listen(engine, "before_cursor_execute", start)
    event.listen(engine, "after_cursor_execute", stop)
    event.listen(engine, "handle_error", fail)
