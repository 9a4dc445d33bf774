{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
"""Column types that all models share."""

from datetime import UTC, datetime
from typing import Annotated, Any

{{ db.type_imports }}
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import mapped_column
from sqlalchemy.types import TypeDecorator


def utc_now() -> datetime:
    """Return the current time, in UTC and with its time zone."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, to the microsecond: goes in with any time zone, comes out in UTC."""

    impl = {{ db.timestamp }}
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert to UTC.

        Raises:
            ValueError: the time has no time zone, so it is ambiguous.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; use datetime.now(UTC) or utc_now()")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the stored time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


JsonDocument = {{ db.json_document }}

# The column types of plain annotations, such as `Mapped[datetime]`.
PLAIN_TYPES = {
    datetime: UtcDateTime,
    # `row.document["key"] = 1` is saved. A change further inside is not: assign a new dict then.
    dict[str, Any]: MutableDict.as_mutable(JsonDocument),
    str: Unicode,
}

IntegerKey = Annotated[int, mapped_column(Identity(), primary_key=True)]
CreatedAt = Annotated[datetime, mapped_column(default=utc_now)]
# An upsert (ON CONFLICT, ON DUPLICATE KEY) does not set it: give it with the other values.
UpdatedAt = Annotated[datetime, mapped_column(default=utc_now, onupdate=utc_now)]
JsonObject = Annotated[dict[str, Any], mapped_column(default=dict)]
