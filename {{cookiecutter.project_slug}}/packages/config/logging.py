"""How the service logs: lines for people in development, one JSON object a line elsewhere."""

import json
import logging
from datetime import UTC, datetime
from logging.config import dictConfig

from packages.config.settings import settings

FOR_PEOPLE = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"
# What every record has; if uvicorn serves, it adds `color_message`, for terminals.
STANDARD = {*vars(logging.makeLogRecord({})), "asctime", "message", "color_message"}


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON, with its traceback and what `extra` gives it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            entry["stack"] = record.stack_info
        return json.dumps(_extra(record) | entry, default=str)


class TextFormatter(logging.Formatter):
    """Writes a record as a line for people; what `extra` gives it comes after the message."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - of the library
        """Return the line, which a traceback may follow."""
        fields = (f" {name}={value!r}" for name, value in _extra(record).items())
        return super().formatMessage(record) + "".join(fields)


def _extra(record: logging.LogRecord) -> dict[str, object]:
    """Return what the argument `extra` has given a record."""
    return {name: value for name, value in vars(record).items() if name not in STANDARD}


def configure_logging() -> None:
    """Write records of `LOG_LEVEL` and above to standard error, in one format."""
    # Where uvicorn serves, its lines have the same format.
    by_uvicorn = {"handlers": [], "propagate": True}
    form = "for_people" if settings.ENVIRONMENT in {"development", "test"} else "json"
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "for_people": {"()": TextFormatter, "fmt": FOR_PEOPLE},
                "json": {"()": JsonFormatter},
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form}},
            "root": {"handlers": ["stderr"], "level": settings.LOG_LEVEL},
            "loggers": dict.fromkeys(("uvicorn", "uvicorn.error", "uvicorn.access"), by_uvicorn),
        }
    )
