"""The users of the service."""

from sqlalchemy import Unicode
from sqlalchemy.orm import Mapped, mapped_column

from packages.database.config import Base
from packages.database.types import CreatedAt, IntegerKey, UpdatedAt


class User(Base):
    """A person, known by a unique e-mail address."""

    __tablename__ = "users"

    id: Mapped[IntegerKey]
    email: Mapped[str] = mapped_column(Unicode(254), unique=True)
    name: Mapped[str] = mapped_column(Unicode(255))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]
