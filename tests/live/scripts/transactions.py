"""Drives `run_in_transaction` of a rendered project from many clients; prints what happened as JSON.

Usage: transactions.py increments|rivals|deadlocks|savepoints|swallowed|failures|losses
"""

import json
import sys
from asyncio import to_thread
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from functools import partial

from concurrency import Barrier, at_once, call, create_tables, run
from packages.database.config import SessionLocal, engine
from packages.database.transaction import run_in_transaction
from sqlalchemy import ExceptionContext, event, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

CLIENTS = 16
ROUNDS = 10

# What ends a connection, and what says whether it is still there.
POSTGRESQL = engine.dialect.name == "postgresql"
KILL = "SELECT pg_terminate_backend({})" if POSTGRESQL else "KILL {}"
ALIVE = (
    "SELECT count(*) FROM pg_stat_activity WHERE pid = {}"
    if POSTGRESQL
    else "SELECT count(*) FROM information_schema.processlist WHERE id = {}"
)

Work = Callable[[AsyncSession], Awaitable[None]]


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
        self.codes_at_commit: list[str] = []
        event.listen(engine.sync_engine, "handle_error", self._note)

    def _note(self, context: ExceptionContext) -> None:
        # MySQL's own number, where there is one; PostgreSQL's standard code otherwise.
        number = next(iter(context.original_exception.args), None)
        code = str(number if isinstance(number, int) else getattr(context.original_exception, "sqlstate", ""))
        self.codes.append(code)
        if not context.statement:
            self.codes_at_commit.append(code)

    async def run(self, bind: object, work: Work) -> None:
        """Run a unit of work, and count how often it was tried."""
        tries = 0

        async def counted(db: AsyncSession) -> None:
            nonlocal tries
            tries += 1
            await work(db)

        try:
            async with SessionLocal(bind=bind) as db:
                await run_in_transaction(db, counted)
        except Exception as error:  # noqa: BLE001 - the test names those that may leave
            self.errors.append(f"{type(error).__name__}: {error}")
        self.tries.append(tries)

    async def report(self) -> dict[str, object]:
        """Return all that is known, with the balances as stored."""
        async with SessionLocal() as db:
            balances = list(await db.scalars(select(Account.balance).order_by(Account.id)))
        codes = {"codes": self.codes, "codes at commit": self.codes_at_commit}
        return {"tries": self.tries, "errors": self.errors, **codes, "balances": balances}


async def increments(log: Log) -> None:
    """Let all clients read a row, add one to what they read, and write it, at SERIALIZABLE."""
    bind = engine.execution_options(isolation_level="SERIALIZABLE")

    async def work(db: AsyncSession) -> None:
        (await db.get_one(Account, 1)).balance += 1

    async def client() -> None:
        for _ in range(ROUNDS):
            await log.run(bind, work)

    await at_once(*[client] * CLIENTS)


async def rivals(log: Log) -> None:
    """Change row 1, say "holding", and commit at a line on standard input; then let many clients add to three rows.

    Two programs that are told at once conflict for certain.
    """
    holds = [True]

    async def work(db: AsyncSession, row: int = 1) -> None:
        (await db.get_one(Account, row, with_for_update=True)).balance += 1
        await db.flush()
        if holds:
            holds.clear()
            print("holding", flush=True)
            await to_thread(sys.stdin.readline, -1)

    async def client(number: int) -> None:
        for turn in range(ROUNDS):
            await log.run(engine, partial(work, row=1 + (number + turn) % 3))

    await log.run(engine, work)
    await at_once(*(partial(client, number) for number in range(CLIENTS // 2)))


async def change(db: AsyncSession, row: int, *, nested: bool) -> None:
    """Add one to a balance, in a savepoint if asked to."""
    statement = update(Account).where(Account.id == row).values(balance=Account.balance + 1)
    if nested:
        async with db.begin_nested():
            await db.execute(statement)
    else:
        await db.execute(statement)


async def deadlocks(log: Log, *, nested: bool = False, swallow: bool = False) -> None:
    """Let half of the clients change row 1 and then row 2, and the others row 2 and then row 1.

    Args:
        log: of what they meet.
        nested: make each change in a savepoint of its own.
        swallow: go on after a change that fails, with the other one.
    """
    meeting = Barrier(2)

    def add(first: int, second: int, meet: Barrier | None) -> Work:
        pause = [meet] if meet else []

        async def work(db: AsyncSession) -> None:
            for row in (first, second):
                with suppress(SQLAlchemyError) if swallow else nullcontext():
                    await change(db, row, nested=nested)
                # Only at the first try: each now holds what the other one wants next.
                if pause:
                    await pause.pop().wait()
            await change(db, 3, nested=nested)

        return work

    async def client(first: int, second: int) -> None:
        for _ in range(ROUNDS):
            await log.run(engine, add(first, second, None))

    # Two that must meet in a deadlock, then many clients that meet in more.
    await at_once(*(partial(log.run, engine, add(*rows, meeting)) for rows in [(1, 2), (2, 1)]))
    await at_once(*(partial(client, *rows) for rows in [(1, 2), (2, 1)] * (CLIENTS // 2)))


async def number_of(db: AsyncSession) -> int:
    """Return the server's number of a session's connection."""
    own = func.pg_backend_pid() if POSTGRESQL else func.connection_id()
    return (await db.scalars(select(own))).one()


def kill(number: int) -> None:
    """End a connection from another one, and wait until the server has done so."""
    # In a transaction, PostgreSQL would show the processes of its first look again and again.
    with engine.sync_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
        other.exec_driver_sql(KILL.format(number))
        while other.exec_driver_sql(ALIVE.format(number)).scalar():
            pass


async def failures(log: Log) -> None:
    """Let work fail for reasons that another try does not fix."""

    async def program_error(db: AsyncSession) -> None:
        (await db.get_one(Account, 1)).balance += 1
        await db.flush()
        raise RuntimeError("the program's own")

    async def taken_key(db: AsyncSession) -> None:
        db.add(Account(id=1, balance=0))

    async def missing_table(db: AsyncSession) -> None:
        await db.execute(text("SELECT * FROM no_such_table"))

    async def lost_connection(db: AsyncSession) -> None:
        # Its own statement ends the connection, each time.
        await db.execute(update(Account).where(Account.id == 1).values(balance=1))
        await db.execute(text(KILL.format(await number_of(db))))
        await db.execute(text("SELECT 1"))

    for work in (program_error, taken_key, missing_table, lost_connection):
        await log.run(engine, work)


async def losses(log: Log) -> None:
    """Lose a connection in the middle of the work, once, and another one right before COMMIT is sent."""
    killed = []

    async def lose_once(db: AsyncSession) -> None:
        await db.execute(update(Account).where(Account.id == 1).values(balance=Account.balance + 1))
        if not killed:
            killed.append(await number_of(db))
            await call(db, kill, killed[0])
        await db.execute(text("SELECT 1"))

    await log.run(engine, lose_once)
    numbers = []

    async def lose_at_commit(db: AsyncSession) -> None:
        await db.execute(update(Account).where(Account.id == 2).values(balance=Account.balance + 1))
        numbers.append(await number_of(db))

    event.listen(engine.sync_engine, "commit", lambda _connection: kill(numbers[-1]))
    await log.run(engine, lose_at_commit)


async def main() -> None:
    """Run the scenario that the command line names, on new rows; rivals share those that another run has made."""
    if sys.argv[1] != "rivals":
        await create_tables(Base.metadata)
        async with SessionLocal.begin() as db:
            db.add_all([Account(id=number, balance=0) for number in (1, 2, 3)])
    log = Log()
    scenarios = {
        "increments": increments,
        "rivals": rivals,
        "deadlocks": deadlocks,
        "savepoints": partial(deadlocks, nested=True),
        "swallowed": partial(deadlocks, nested=True, swallow=True),
        "failures": failures,
        "losses": losses,
    }
    await scenarios[sys.argv[1]](log)
    print(json.dumps(await log.report()))


run(main)
