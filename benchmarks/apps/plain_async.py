"""Plain: the pattern of the usual tutorial, on an engine with its defaults, with the same models and driver."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from packages.api.schemas import UserRead, UserUpdate
from packages.config.settings import settings
from packages.database.user_data_model import User
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine(settings.DATABASE_URL)
SessionLocal = async_sessionmaker(bind=engine, expire_on_commit=False)
app = FastAPI()


async def get_db() -> AsyncIterator[AsyncSession]:
    """Yield a session and close it."""
    async with SessionLocal() as db:
        yield db


SessionDep = Annotated[AsyncSession, Depends(get_db)]


@app.get("/users/{user_id}", response_model=UserRead)
async def read_user(user_id: int, db: SessionDep) -> User:
    """Return one user."""
    user = await db.get(User, user_id)
    if user is None:
        raise HTTPException(404)
    return user


@app.get("/users", response_model=list[UserRead])
async def list_users(db: SessionDep, limit: int = 50, after: int = 0) -> list[User]:
    """Return a page of users."""
    return list(await db.scalars(select(User).where(User.id > after).order_by(User.id).limit(limit)))


@app.patch("/users/{user_id}", response_model=UserRead)
async def update_user(user_id: int, change: UserUpdate, db: SessionDep) -> User:
    """Rename a user."""
    user = await db.get(User, user_id)
    if user is None:
        raise HTTPException(404)
    user.name = change.name
    await db.commit()
    await db.refresh(user)
    return user
