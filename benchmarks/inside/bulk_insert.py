"""Runs in a synchronous PostgreSQL service: stores users in a table that was emptied, in several ways.

Each line of standard input is an order in JSON, `{"way": …, "count": …}`; each is answered with the seconds it took.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

sys.path.insert(0, "")

import psycopg
from packages.config.settings import settings
from packages.database.bulk import insert_rows
from packages.database.config import SessionLocal, engine
from packages.database.transaction import run_in_transaction
from packages.database.types import utc_now
from packages.database.user_data_model import User
from sqlalchemy import insert, text

Rows = list[dict[str, Any]]
COLUMNS = "email, name, created_at, updated_at"


def ours(rows: Rows) -> None:
    """The documented way, to which the caller gives all columns."""
    now = utc_now()
    with engine.begin() as connection:
        insert_rows(connection, User, [{**row, "created_at": now, "updated_at": now} for row in rows])


def statement(rows: Rows) -> None:
    """One statement, and all rows as its parameters."""
    with SessionLocal() as db:
        run_in_transaction(db, lambda db: db.execute(insert(User), rows))


def objects(rows: Rows) -> None:
    """An object for each row."""
    with SessionLocal() as db:
        run_in_transaction(db, lambda db: db.add_all(User(**row) for row in rows))


def executemany(rows: Rows) -> None:
    """The driver's own way to execute a statement many times."""
    insertion = f"INSERT INTO users ({COLUMNS}) VALUES (%s, %s, %s, %s)"  # noqa: S608
    now = utc_now()
    with psycopg.connect(URL) as connection, connection.cursor() as cursor:
        cursor.executemany(insertion, [(row["email"], row["name"], now, now) for row in rows])


def copy(rows: Rows) -> None:
    """PostgreSQL's own way to load a table."""
    now = utc_now()
    order = f"COPY users ({COLUMNS}) FROM STDIN"
    with psycopg.connect(URL) as connection, connection.cursor() as cursor, cursor.copy(order) as target:
        for row in rows:
            target.write_row((row["email"], row["name"], now, now))


URL = settings.DATABASE_URL.set(drivername="postgresql").render_as_string(hide_password=False)
WAYS: dict[str, Callable[[Rows], None]] = {
    "insert_rows": ours,
    "insert(Model), rows": statement,
    "objects": objects,
    "executemany": executemany,
    "COPY": copy,
}


def obey(way: str, count: int) -> dict[str, float]:
    """Store so many users."""
    with SessionLocal() as db:
        db.execute(text("TRUNCATE users CASCADE"))
        db.commit()
    rows = [{"email": f"bulk-{number}@example.com", "name": f"User {number}"} for number in range(count)]
    begun = time.perf_counter()
    WAYS[way](rows)
    return {"seconds": time.perf_counter() - begun}


if __name__ == "__main__":
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(obey(**json.loads(line))), flush=True)
