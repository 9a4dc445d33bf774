"""Requests that end in every way that a request can: they write, wait, raise, or hold two connections."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body
from packages.api.dependencies import ReadSessionDep, SessionDep
from packages.database.config import SessionLocal, engine
from packages.database.transaction import run_in_transaction
from packages.database.user_data_model import User
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

WAIT = {"postgresql": "SELECT pg_sleep(1)", "mysql": "SELECT SLEEP(1)", "mariadb": "SELECT SLEEP(1)"}


class Ending(BaseException):
    """What no `except Exception` catches."""


ERRORS = {"RuntimeError": RuntimeError, "CancelledError": asyncio.CancelledError, "Ending": Ending}

router = APIRouter(prefix="/endings")


@router.post("/cancelled/{name}")
@router.post("/left/{name}")
async def wait(name: str, db: SessionDep) -> None:
    """Write a user, wait for a second, and write the other one."""

    async def work(db: AsyncSession) -> None:
        db.add(User(email=f"{name}@first", name=name))
        await db.flush()
        await db.execute(text(WAIT[engine.dialect.name]))
        db.add(User(email=f"{name}@second", name=name))

    await run_in_transaction(db, work)


@router.post("/cancelled/reading/{name}")
async def wait_in_a_snapshot(name: str, db: ReadSessionDep) -> str:
    """Wait for a second between BEGIN and ROLLBACK, in a session that only reads."""
    async with db.begin():
        await db.execute(text(WAIT[engine.dialect.name]))
    return name


@router.post("/raised/{kind}/{name}")
async def fail(kind: str, name: str, db: SessionDep) -> None:
    """Write a user, and raise."""

    async def work(db: AsyncSession) -> None:
        db.add(User(email=f"{name}@first", name=name))
        await db.flush()
        raise ERRORS[kind]

    await run_in_transaction(db, work)


@router.post("/read/{kind}")
async def fail_after_reading(kind: str, db: SessionDep) -> None:
    """Begin a transaction that nobody ends, and raise."""
    await db.execute(text("SELECT COUNT(*) FROM users"))
    raise ERRORS[kind]


@router.post("/statement")
async def run_statement(db: SessionDep, sql: Annotated[str, Body()]) -> None:
    """Run a statement, whatever it is, in a unit of work."""

    async def work(session: AsyncSession) -> None:
        await session.execute(text(sql))

    await run_in_transaction(db, work)


@router.get("/twice/{user_id}")
async def read_twice(user_id: int, db: SessionDep) -> bool:
    """Read a user in two sessions, and tell whether both saw the same."""
    first = (await db.get_one(User, user_id)).name
    async with SessionLocal() as other:
        return (await other.get_one(User, user_id)).name == first
