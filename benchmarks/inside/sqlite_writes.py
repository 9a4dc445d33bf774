"""Runs in a synchronous SQLite service: threads that read a row, change it and write it back, ours and plain.

Each line of standard input is an order in JSON, `{"variant": "ours" or "plain", "threads": …, "seconds": …,
"hold": …}`; `hold` is how many seconds a transaction stays open. Each is answered with the number of commits, of lost
updates and of errors.
"""

import json
import sqlite3
import sys
import threading
import time
from functools import partial

sys.path.insert(0, "")

from packages.config.settings import settings
from packages.database import config
from packages.database.transaction import run_in_transaction
from packages.database.user_data_model import User
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

KEYS = 8


def plain_sessions() -> sessionmaker[Session]:
    """Return sessions on a copy of the database, on an engine and a file with their defaults."""
    url = settings.DATABASE_URL
    copy = f"{url.database}.plain.db"
    with sqlite3.connect(str(url.database)) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    target.execute("PRAGMA journal_mode = DELETE")
    target.close()
    source.close()
    return sessionmaker(create_engine(url.set(database=copy)))


SESSIONS = {"ours": config.SessionLocal, "plain": plain_sessions()}


def increment(db: Session, key: int, hold: float) -> None:
    """Read a number, and write the next one."""
    user = db.get_one(User, key)
    user.name = str(int(user.name) + 1)
    if hold:
        db.flush()
        time.sleep(hold)


def obey(variant: str, threads: int, seconds: float, hold: float) -> dict[str, int]:
    """Increment the numbers of eight users for a while."""
    sessions = SESSIONS[variant]
    with sessions.begin() as db:
        for key in range(1, KEYS + 1):
            db.get_one(User, key).name = "0"
    counts = {"commits": 0, "errors": 0}
    deadline = time.monotonic() + seconds
    lock = threading.Lock()

    def work(number: int) -> None:
        turn = number
        while time.monotonic() < deadline:
            key = turn % KEYS + 1
            turn += 1
            try:
                with sessions() as db:
                    if variant == "ours":
                        run_in_transaction(db, partial(increment, key=key, hold=hold))
                    else:
                        increment(db, key, hold)
                        db.commit()
                outcome = "commits"
            except OperationalError:
                outcome = "errors"
            with lock:
                counts[outcome] += 1

    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    with sessions() as db:
        stored = sum(int(db.get_one(User, key).name) for key in range(1, KEYS + 1))
    return counts | {"lost": counts["commits"] - stored}


if __name__ == "__main__":
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(obey(**json.loads(line))), flush=True)
