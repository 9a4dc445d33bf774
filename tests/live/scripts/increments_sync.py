"""Adds one to rows that others want as well, through `run_in_transaction` of a rendered sync project.

Usage: increments_sync.py CLIENTS ROUNDS ROWS; prints what happened as JSON. It changes row 1, says "holding", and
commits at a line on standard input, so that two of them cannot but conflict; then all clients begin.
"""

import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from packages.database.config import Base, SessionLocal, engine
from packages.database.transaction import run_in_transaction
from sqlalchemy import ExceptionContext, event
from sqlalchemy.orm import Mapped, Session, mapped_column

CLIENTS, ROUNDS, ROWS = map(int, sys.argv[1:])

tries: list[int] = []
errors: list[str] = []
codes: list[str] = []
meeting = threading.Barrier(CLIENTS + 1)


class Account(Base):
    """A row that many want to change."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    balance: Mapped[int]


@event.listens_for(engine, "handle_error")
def note(context: ExceptionContext) -> None:
    """Keep the code of an error, and whether it came at the commit."""
    place = "statement" if context.statement else "commit"
    codes.append(f"{context.original_exception.args[0]} at {place}")


def add(db: Session, row: int, hold: Callable[[], object] | None = None) -> None:
    """Add one to a row in a transaction; before the first commit, hold it for as long as `hold` takes."""
    mine = 0

    def work(db: Session) -> None:
        nonlocal mine
        mine += 1
        db.get_one(Account, row, with_for_update=True).balance += 1
        db.flush()
        if hold and mine == 1:
            hold()

    try:
        run_in_transaction(db, work)
    except Exception as error:  # noqa: BLE001 - the test wants none
        errors.append(f"{type(error).__name__}: {error}")
    tries.append(mine)


def wait_for_word() -> None:
    """Say that the row is held, and wait until the test has heard it from all."""
    print("holding", flush=True)
    sys.stdin.readline()


def client(number: int) -> None:
    """Add one to a row, again and again."""
    with SessionLocal() as db:
        db.connection()  # connected before the others begin
        db.rollback()
        meeting.wait()
        for turn in range(ROUNDS):
            add(db, 1 + (number + turn) % ROWS)


with ThreadPoolExecutor(CLIENTS) as pool:
    clients = [pool.submit(client, number) for number in range(CLIENTS)]
    with SessionLocal() as db:
        add(db, 1, wait_for_word)
    meeting.wait()
    for each in clients:
        each.result()
print(json.dumps({"tries": tries, "errors": errors, "codes": codes}))
engine.dispose()
