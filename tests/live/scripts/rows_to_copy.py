"""Runs inside a rendered project with the models of test_copy.py: stores rows, shows them, removes them."""

import json
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from random import Random
from uuid import UUID

from sqlalchemy import JSON, delete, func, insert, inspect, null, or_, select, text, update

from packages.database.config import SessionLocal, engine
from packages.database.hostile_data_model import Child, Hostile, Kind, Link, Tag

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MOST_SHOWN = 2_000
MODELS = [Tag, Hostile, Child, Link]
# At once, so that no statement takes as long as the service allows.
BATCH = 1_000
DOCUMENTS = [
    {"emoji": "🦆", "nothing": None, "list": [1, 1.5, 1.0, -0.1, True, ""], "": {"deep": [[[]]]}, "large": 2**63 - 1},
    [],
    "text with ' and \" and \\u0000",
    1e100,
    0,
    False,
    JSON.NULL,
    null(),
]
TEXTS = [
    "",
    " ",
    "🦆 Zoë 日本語",
    "line\r\n\ttab",
    "'; DROP TABLE hostiles; --",
    "trailing ",
    "\\ % %s :name",
    "x" * 60_000,
    None,
]


def hostile(number: int) -> dict[str, object]:
    """Return a row whose values are at the edge of what all databases hold."""
    return {
        "id": number,
        "name": ("🦆" * 255)[: number % 256],
        "text": TEXTS[number % len(TEXTS)] if number < 100 else f"text {number}",
        "big": [2**63 - 1, -(2**63), 0, number][number % 4],
        "small": [2**31 - 1, -(2**31), number][number % 3],
        "ratio": [0.1, -1e300, 5e-324 if number == 1 else 1 / 3, None][number % 4],
        "price": [Decimal("9999999999.99"), Decimal("-0.01"), Decimal(0)][number % 3],
        "is_open": number % 2 == 0,
        "kind": list(Kind)[number % 2],
        "day": [date(1000, 1, 1), date(9999, 12, 31), date(2024, 2, 29)][number % 3],
        "hour": [time(0), time(23, 59, 59)][number % 2],
        "at": [
            None,
            datetime(1000, 1, 1, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            BEGIN + timedelta(microseconds=number),
        ][number % 4],
        "key": UUID(int=Random(number).getrandbits(128), version=4),  # noqa: S311 - the same each time
        "raw": [None, b"", bytes(range(256))][number % 3],
        "extra": DOCUMENTS[number % len(DOCUMENTS)],
        # Some refer to rows that come later, one to itself.
        "parent_id": None,
        "best_number": None,
        "updated_at": BEGIN,
    }


def seed(rows: int, *, is_infinite: bool) -> None:
    """Store so many rows, and no others, 0 among the keys, and some gaps; one may have an infinite number."""
    empty()
    numbers = [0, *range(1, rows * 2, 2)][:rows]
    with engine.begin() as connection:
        if engine.dialect.name in {"mysql", "mariadb"}:
            connection.exec_driver_sql("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')")
        connection.execute(insert(Tag), [{"name": name} for name in ["", "a", "b", "🦆", "日本語"]])
        for begin in range(0, rows, BATCH):
            for number in numbers[begin : begin + BATCH] if begin == 0 else []:
                connection.execute(insert(Hostile).values(hostile(number)))
            if begin:
                plain = [hostile(number) | {"extra": {"n": number}} for number in numbers[begin : begin + BATCH]]
                connection.execute(insert(Hostile), plain)
        children = [{"hostile_id": n, "number": i, "tag": "🦆"} for n in numbers[:50] for i in range(3)]
        connection.execute(insert(Child), children)
        links = [{"key": UUID(int=n**7), "at": BEGIN + timedelta(microseconds=n)} for n in numbers[:100]]
        connection.execute(insert(Link), links)
        connection.execute(update(Hostile).where(Hostile.id < 50).values(best_number=2, updated_at=BEGIN))
        connection.execute(update(Hostile).where(Hostile.id < 200).values(parent_id=numbers[-1], updated_at=BEGIN))
        if is_infinite:
            connection.execute(update(Hostile).where(Hostile.id == 3).values(ratio=float("-inf"), updated_at=BEGIN))
        connection.exec_driver_sql("DELETE FROM my_table")


def show() -> None:
    """Print all rows as the service sees them, each on a line."""
    with SessionLocal() as db:
        for model in MODELS:
            columns = inspect(model).columns
            key = [column.key for column in inspect(model).primary_key]
            # A document that is null, and none, look the same.
            nulls = [column.is_(null()).label("is_null") for column in columns if isinstance(column.type, JSON)]
            rows = [dict(row) for row in db.execute(select(*columns, *nulls)).mappings()]
            print(model.__tablename__, len(rows))
            digest = sha256()
            # Each database has an order of its own.
            for row in sorted(rows, key=lambda row: [str(row[name]) for name in key]):
                if "extra" in row:
                    document = float(row["extra"]) if isinstance(row["extra"], int) else row["extra"]
                    row["extra"] = json.dumps(document, sort_keys=True)
                digest.update(repr(row).encode())
                if len(rows) <= MOST_SHOWN:
                    print(row)
            if len(rows) > MOST_SHOWN:
                print(digest.hexdigest())


def use_and_empty() -> None:
    """Store a row, whose key must be free, and then remove all rows."""
    with SessionLocal.begin() as db:
        largest = db.scalar(select(func.max(Hostile.id))) or 0
        # A BIGINT gets no key from SQLite.
        key = {"id": largest + 1} if engine.dialect.name == "sqlite" else {}
        row = {name: value for name, value in hostile(2).items() if name != "id"} | key | {"key": UUID(int=5)}
        new = Hostile(**row)
        db.add(new)
        db.flush()
        assert new.id > largest
    empty()


def hold(number: int) -> None:
    """Store a row, and take it back when the standard input ends: who stores the same key waits."""
    with SessionLocal() as db:
        db.add(Hostile(**hostile(number)))
        db.flush()
        print("held", flush=True)
        sys.stdin.read()


def empty() -> None:
    """Remove all rows."""
    with engine.begin() as connection:
        refers = or_(Hostile.parent_id.is_not(None), Hostile.best_number.is_not(None))
        connection.execute(update(Hostile).where(refers).values(parent_id=None, best_number=None))
        connection.execute(delete(Child))
        largest = connection.scalar(select(func.max(Hostile.id))) or 0
        for begin in range(0, largest + 1, BATCH):
            connection.execute(delete(Hostile).where(Hostile.id.between(begin, begin + BATCH - 1)))
        for model in (Link, Tag):
            connection.execute(delete(model))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["seed", rows, *infinite]:
            seed(int(rows), is_infinite=bool(infinite))
            show()
        case ["show and empty"]:
            show()
            use_and_empty()
        case ["hold", number]:
            hold(int(number))
        case ["empty"]:
            empty()
        case ["execute", *statements]:
            with engine.begin() as connection:
                for statement in statements:
                    connection.execute(text(statement))
