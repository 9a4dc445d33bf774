"""The limit: FastAPI with asyncpg and the same response model, without SQLAlchemy and without any care."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI, HTTPException
from packages.api.schemas import UserRead, UserUpdate
from packages.config.settings import settings

COLUMNS = "id, email, name, created_at, updated_at"
ONE = f"SELECT {COLUMNS} FROM users WHERE id = $1"  # noqa: S608
PAGE = f"SELECT {COLUMNS} FROM users WHERE id > $1 ORDER BY id LIMIT $2"  # noqa: S608
RENAME = f"UPDATE users SET name = $2, updated_at = now() WHERE id = $1 RETURNING {COLUMNS}"  # noqa: S608


async def do_not_reset(_connection: object) -> None:
    """Save the round trip in which asyncpg undoes what a session may have set."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the pool."""
    url = settings.DATABASE_URL.set(drivername="postgresql").render_as_string(hide_password=False)
    async with asyncpg.create_pool(url, min_size=5, max_size=5, reset=do_not_reset) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/empty/{user_id}")
async def empty(user_id: int) -> dict[str, int]:
    """Answer without a database: what FastAPI itself takes."""
    return {"id": user_id}


@app.get("/users/{user_id}")
async def read_user(user_id: int) -> UserRead:
    """Return one user."""
    row = await app.state.pool.fetchrow(ONE, user_id)
    if row is None:
        raise HTTPException(404)
    return UserRead(**row)


@app.get("/users")
async def list_users(limit: int = 50, after: int = 0) -> list[UserRead]:
    """Return a page of users."""
    return [UserRead(**row) for row in await app.state.pool.fetch(PAGE, after, limit)]


@app.patch("/users/{user_id}")
async def update_user(user_id: int, change: UserUpdate) -> UserRead:
    """Rename a user."""
    return UserRead(**await app.state.pool.fetchrow(RENAME, user_id, change.name))
