"""Increment counters from 32 threads, reading before each write; prints the errors. Runs inside a rendered project."""

import sys
from concurrent.futures import ThreadPoolExecutor

from packages.database.config import ReadSessionLocal, SessionLocal
from packages.database.models import MyModel
from packages.database.transaction import run_in_transaction
from sqlalchemy import select
from sqlalchemy.orm import Session

THREADS, ROUNDS, COUNTERS = 32, 10, 4


def increment(db: Session, counter: int) -> None:
    """Read a number, and write the next."""
    row = db.get_one(MyModel, counter)
    row.name = str(int(row.name) + 1)


def work(thread: int) -> None:
    """Mix reads and increments; every thread meets every counter."""
    for number in range(ROUNDS):
        counter = (thread + number) % COUNTERS + 1
        with SessionLocal() as db:
            run_in_transaction(db, lambda db, counter=counter: increment(db, counter))
        with ReadSessionLocal() as db:
            db.scalars(select(MyModel)).all()


with ThreadPoolExecutor(THREADS) as pool:
    failed = [
        error for error in (future.exception() for future in [pool.submit(work, n) for n in range(THREADS)]) if error
    ]
print(*failed, sep="\n", end="")
sys.exit(len(failed))
