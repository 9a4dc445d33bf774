"""The API of a rendered project, with path operations that write in a session for reading."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from packages.api.app import app
from packages.api.dependencies import ReadSessionDep
from packages.database.config import engine
from packages.database.models import MyModel
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession


async def flush(db: AsyncSession) -> None:
    """Write through the ORM."""
    db.add(MyModel(name="refused"))
    await db.flush()


async def commit(db: AsyncSession) -> None:
    """Write at the commit."""
    db.add(MyModel(name="refused"))
    await db.commit()


WRITES: dict[str, Callable[[AsyncSession], Awaitable[object]]] = {
    "flush": flush,
    "commit": commit,
    "insert": lambda db: db.execute(insert(MyModel).values(name="refused")),
    "plain": lambda db: db.execute(text("INSERT INTO my_table (name) VALUES ('refused')")),
    "update": lambda db: db.execute(text("UPDATE my_table SET name = 'refused'")),
    "table": lambda db: db.execute(text("CREATE TABLE refused (id INTEGER)")),
    "temporary": lambda db: db.execute(text("CREATE TEMPORARY TABLE refused (id INTEGER)")),
}
if engine.dialect.name != "sqlite":  # which has no row locks
    WRITES["lock"] = lambda db: db.execute(select(MyModel).with_for_update())

router = APIRouter(prefix="/misuse")


@router.get("")
async def names() -> list[str]:
    """Return the ways to write."""
    return list(WRITES)


@router.get("/rows")
async def rows(db: ReadSessionDep) -> int:
    """Return how many rows there are."""
    return await db.scalar(select(func.count()).select_from(MyModel)) or 0


@router.post("/{name}")
async def write(name: str, db: ReadSessionDep) -> None:
    """Write in one of the ways."""
    await WRITES[name](db)


app.include_router(router)
