"""The API of a rendered async project, with requests that end in every way that a request can.

`/endings/…` write two users, and in between wait or raise. A client that leaves while `/endings/cancelled` waits has
its request cancelled, as some middleware does it.
"""

import asyncio

import anyio
from fastapi import APIRouter
from packages.api.admission import admission
from packages.api.app import app as service
from packages.api.dependencies import SessionDep
from packages.database.config import engine
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


# Needs no admission, as no probe does.
@service.get("/health/left-behind")
async def left_behind() -> dict[str, int]:
    """Return what requests hold: connections, and admissions."""
    return {"connections": engine.pool.checkedout(), "admissions": admission.taken}


service.include_router(router)


async def app(scope, receive, send):  # noqa: ANN001, ANN201
    """Cancel a request whose client has left."""
    if scope["type"] != "http" or not scope["path"].startswith("/endings/cancelled/"):
        await service(scope, receive, send)
        return
    async with anyio.create_task_group() as group:

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            group.cancel_scope.cancel()

        group.start_soon(watch)
        await service(scope, receive, send)
        group.cancel_scope.cancel()
