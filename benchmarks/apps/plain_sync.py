"""Plain: the pattern of the usual tutorial, on an engine with its defaults, with the same models and driver."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from packages.api.schemas import UserRead, UserUpdate
from packages.config.settings import settings
from packages.database.user_data_model import User
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine(settings.DATABASE_URL)
SessionLocal = sessionmaker(bind=engine)
app = FastAPI()


def get_db() -> Iterator[Session]:
    """Yield a session and close it."""
    with SessionLocal() as db:
        yield db


SessionDep = Annotated[Session, Depends(get_db)]


@app.get("/users/{user_id}", response_model=UserRead)
def read_user(user_id: int, db: SessionDep) -> User:
    """Return one user."""
    user = db.get(User, user_id)
    if user is None:
        raise HTTPException(404)
    return user


@app.get("/users", response_model=list[UserRead])
def list_users(db: SessionDep, limit: int = 50, after: int = 0) -> list[User]:
    """Return a page of users."""
    return list(db.scalars(select(User).where(User.id > after).order_by(User.id).limit(limit)))


@app.patch("/users/{user_id}", response_model=UserRead)
def update_user(user_id: int, change: UserUpdate, db: SessionDep) -> User:
    """Rename a user."""
    user = db.get(User, user_id)
    if user is None:
        raise HTTPException(404)
    user.name = change.name
    db.commit()
    db.refresh(user)
    return user
