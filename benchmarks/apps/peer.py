"""Users in the service that the package `fastapi_template` renders: its session, its way to write views and models."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from peer_service.db.base import Base
from peer_service.db.dependencies import get_db_session
from peer_service.web.application import get_app
from pydantic import BaseModel, ConfigDict
from sqlalchemy import DateTime, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column


class UserModel(Base):  # type: ignore[misc]
    """A row of our table of users."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    email: Mapped[str] = mapped_column(String(length=254))
    name: Mapped[str] = mapped_column(String(length=255))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), onupdate=lambda: datetime.now(UTC))


class UserModelDTO(BaseModel):
    """A user as answered."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    email: str
    name: str
    created_at: datetime
    updated_at: datetime


class UserModelInputDTO(BaseModel):
    """The field that changes."""

    name: str


class UserDAO:
    """Accesses the table of users."""

    def __init__(self, session: Annotated[AsyncSession, Depends(get_db_session)]) -> None:
        """Take the session of the request."""
        self.session = session

    async def get(self, user_id: int) -> UserModel:
        """Return one user."""
        user = await self.session.get(UserModel, user_id)
        if user is None:
            raise HTTPException(404)
        return user

    async def get_all(self, limit: int, after: int) -> list[UserModel]:
        """Return a page of users."""
        query = select(UserModel).where(UserModel.id > after).order_by(UserModel.id).limit(limit)
        rows = await self.session.execute(query)
        return list(rows.scalars().fetchall())


UserDAODep = Annotated[UserDAO, Depends()]
router = APIRouter()


@router.get("/{user_id}", response_model=UserModelDTO)
async def get_user(user_id: int, user_dao: UserDAODep) -> UserModel:
    """Return one user."""
    return await user_dao.get(user_id)


@router.get("", response_model=list[UserModelDTO])
async def get_users(user_dao: UserDAODep, limit: int = 50, after: int = 0) -> list[UserModel]:
    """Return a page of users."""
    return await user_dao.get_all(limit, after)


@router.patch("/{user_id}", response_model=UserModelDTO)
async def rename_user(user_id: int, change: UserModelInputDTO, user_dao: UserDAODep) -> UserModel:
    """Rename a user; the session's dependency commits."""
    user = await user_dao.get(user_id)
    user.name = change.name
    await user_dao.session.flush()
    return user


app = get_app()
app.include_router(router, prefix="/users")
