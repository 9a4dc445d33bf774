"""Runs in an environment with drivers: reads rows with one of them, through SQLAlchemy's Core.

    python drivers.py URL sync|async

Each line of standard input is an order in JSON, `{"rows": …, "count": …}`; each is answered with the processor time
of one read, in microseconds.
"""

import asyncio
import json
import sys
import time
from typing import Any

from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table, bindparam, create_engine, select
from sqlalchemy.ext.asyncio import create_async_engine

ROWS = Table(
    "rows_to_read",
    MetaData(),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(255)),
    Column("created_at", DateTime),
)
STATEMENT = select(ROWS).where(ROWS.c.id > bindparam("after")).order_by(ROWS.c.id).limit(bindparam("limit"))
WARM_UP = 5


def read(connection: Any, rows: int, count: int) -> float:  # noqa: ANN401 - synchronous, or stands for one that is not
    """Read some rows, some times, and return the processor time of once."""
    for _ in range(WARM_UP):
        connection.execute(STATEMENT, {"after": 0, "limit": rows}).all()
    begun = time.process_time()
    for _ in range(count):
        assert len(connection.execute(STATEMENT, {"after": 0, "limit": rows}).all()) == rows
    return (time.process_time() - begun) / count * 1e6


async def obey_asynchronously(url: str) -> None:
    """Obey with an asynchronous driver: the loop of the reads runs in one greenlet, and awaits each answer."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        print("ready", flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            micros = await connection.run_sync(read, order["rows"], order["count"])
            print(json.dumps({"micros": micros}), flush=True)
    await engine.dispose()


def obey(url: str) -> None:
    """Obey with a synchronous driver."""
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        print("ready", flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            print(json.dumps({"micros": read(connection, order["rows"], order["count"])}), flush=True)


if __name__ == "__main__":
    if sys.argv[2] == "async":
        asyncio.run(obey_asynchronously(sys.argv[1]))
    else:
        obey(sys.argv[1])
