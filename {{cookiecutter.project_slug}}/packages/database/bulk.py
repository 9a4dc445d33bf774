{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
"""Inserts many rows at once, the fast way."""

from collections.abc import Sequence
from typing import {{ "Any, cast" if db.bulk_insert else "Any" }}

from sqlalchemy import {{ "Connection, Table, inspect" if db.bulk_insert else "Connection, insert" }}
{% if "DBAPIError" in db.bulk_insert %}
from sqlalchemy.exc import DBAPIError
{% endif %}
{% if "await_only(" in db.bulk_insert %}
from sqlalchemy.util import await_only
{% endif %}

from packages.database.config import Base


def insert_rows(connection: Connection, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows into the table of a model, in the transaction of the connection.

{% if db.bulk_insert %}
    {{ db.bulk_insert_note | indent }}

{% endif %}
    In an asynchronous session: `await db.run_sync(lambda db: insert_rows(db.connection(), …))`.

    Args:
        connection: to the database.
        model: whose table gets the rows.
        rows: all with the same column names.{{ " Other columns get no default of the model." if db.bulk_insert }}
    """
{% if db.bulk_insert %}
    {{ db.bulk_insert | trim | indent }}
{% else %}
    connection.execute(insert(model), rows)
{% endif %}
