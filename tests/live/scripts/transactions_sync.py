"""Drives `run_in_transaction` of a rendered sync project from many threads; prints what happened as JSON.

Usage: transactions_sync.py increments|deadlocks|failures|losses
"""

import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from packages.database.config import SessionLocal, engine
from packages.database.transaction import run_in_transaction
from sqlalchemy import ExceptionContext, event, func, select, text, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

CLIENTS = 16
ROUNDS = 10
# One that lasts longer than this has lost its partner.
MEETING_SECONDS = 30

# What ends a connection, and what says whether it is still there.
POSTGRESQL = engine.dialect.name == "postgresql"
KILL = "SELECT pg_terminate_backend({})" if POSTGRESQL else "KILL {}"
ALIVE = (
    "SELECT count(*) FROM pg_stat_activity WHERE pid = {}"
    if POSTGRESQL
    else "SELECT count(*) FROM information_schema.processlist WHERE id = {}"
)

Work = Callable[[Session], object]


class Base(DeclarativeBase):
    """The script's own tables, apart from those of the project."""


class Account(Base):
    """A row that many want to change."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    balance: Mapped[int]


class Log:
    """What the clients met: tries per unit of work, errors that left, and codes that the database gave."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.tries: list[int] = []
        self.errors: list[str] = []
        self.codes: list[str] = []
        event.listen(engine, "handle_error", self._note)

    def _note(self, context: ExceptionContext) -> None:
        # MySQL's own number, where there is one; PostgreSQL's standard code otherwise.
        number = next(iter(context.original_exception.args), None)
        self.codes.append(
            str(number if isinstance(number, int) else getattr(context.original_exception, "sqlstate", ""))
        )

    def run(self, bind: object, work: Work) -> None:
        """Run a unit of work, and count how often it was tried."""
        tries = 0

        def counted(db: Session) -> None:
            nonlocal tries
            tries += 1
            work(db)

        try:
            with SessionLocal(bind=bind) as db:
                run_in_transaction(db, counted)
        except Exception as error:  # noqa: BLE001 - the test names those that may leave
            self.errors.append(f"{type(error).__name__}: {error}")
        self.tries.append(tries)

    def report(self) -> dict[str, object]:
        """Return all that is known, with the balances as stored."""
        with SessionLocal() as db:
            balances = list(db.scalars(select(Account.balance).order_by(Account.id)))
        return {"tries": self.tries, "errors": self.errors, "codes": self.codes, "balances": balances}


def in_threads(clients: list[Callable[[], None]]) -> None:
    """Run all clients at once, and wait for them."""
    with ThreadPoolExecutor(len(clients)) as pool:
        for client in [pool.submit(client) for client in clients]:
            client.result()


def increments(log: Log) -> None:
    """Let all clients read a row, add one to what they read, and write it, at SERIALIZABLE."""
    bind = engine.execution_options(isolation_level="SERIALIZABLE")

    def work(db: Session) -> None:
        db.get_one(Account, 1).balance += 1

    def client() -> None:
        for _ in range(ROUNDS):
            log.run(bind, work)

    in_threads([client] * CLIENTS)


def deadlocks(log: Log) -> None:
    """Let half of the clients change row 1 and then row 2, and the others row 2 and then row 1."""
    meeting = threading.Barrier(2)

    def add(first: int, second: int, meet: threading.Barrier | None) -> Work:
        pause = [meet] if meet else []

        def work(db: Session) -> None:
            for row in (first, second):
                db.execute(update(Account).where(Account.id == row).values(balance=Account.balance + 1))
                # Only at the first try: each now holds what the other one wants next.
                if pause:
                    pause.pop().wait(MEETING_SECONDS)

        return work

    def client(first: int, second: int) -> None:
        for _ in range(ROUNDS):
            log.run(engine, add(first, second, None))

    # Two that cannot but meet in a deadlock, then a crowd that meets in many.
    in_threads([lambda: log.run(engine, add(1, 2, meeting)), lambda: log.run(engine, add(2, 1, meeting))])
    in_threads([lambda: client(1, 2), lambda: client(2, 1)] * (CLIENTS // 2))


def number_of(db: Session) -> int:
    """Return the server's number of a session's connection."""
    own = func.pg_backend_pid() if POSTGRESQL else func.connection_id()
    return (db.scalars(select(own))).one()


def kill(number: int) -> None:
    """End a connection from another one, and wait until the server has done so."""
    with engine.connect() as other:
        other.exec_driver_sql(KILL.format(number))
        while other.exec_driver_sql(ALIVE.format(number)).scalar():
            pass


def failures(log: Log) -> None:
    """Let work fail for reasons that another try does not mend."""

    def program_error(db: Session) -> None:
        db.get_one(Account, 1).balance += 1
        db.flush()
        raise RuntimeError("the program's own")

    def taken_key(db: Session) -> None:
        db.add(Account(id=1, balance=0))

    def missing_table(db: Session) -> None:
        db.execute(text("SELECT * FROM no_such_table"))

    def lost_connection(db: Session) -> None:
        # Its own statement ends the connection, each time.
        db.execute(update(Account).where(Account.id == 1).values(balance=1))
        db.execute(text(KILL.format(number_of(db))))
        db.execute(text("SELECT 1"))

    for work in (program_error, taken_key, missing_table, lost_connection):
        log.run(engine, work)


def losses(log: Log) -> None:
    """Lose a connection in the middle of the work, once, and another one right before COMMIT is sent."""
    killed = []

    def lose_once(db: Session) -> None:
        db.execute(update(Account).where(Account.id == 1).values(balance=Account.balance + 1))
        if not killed:
            killed.append(number_of(db))
            kill(killed[0])
        db.execute(text("SELECT 1"))

    log.run(engine, lose_once)
    numbers = []

    def lose_at_commit(db: Session) -> None:
        db.execute(update(Account).where(Account.id == 2).values(balance=Account.balance + 1))
        numbers.append(number_of(db))

    event.listen(engine, "commit", lambda _connection: kill(numbers[-1]))
    log.run(engine, lose_at_commit)


def main() -> None:
    """Run the scenario that the command line names."""
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with SessionLocal.begin() as db:
        db.add_all([Account(id=1, balance=0), Account(id=2, balance=0)])
    log = Log()
    {"increments": increments, "deadlocks": deadlocks, "failures": failures, "losses": losses}[sys.argv[1]](log)
    print(json.dumps(log.report()))


main()
