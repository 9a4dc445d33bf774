"""A table of the tests. It is no model of the service, so it stays when the models change."""

from datetime import datetime
from typing import Any

from sqlalchemy import MetaData, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from packages.database.config import Base
from packages.database.types import IntegerKey


class Private(Base):
    """The base class of models that no migration knows."""

    __abstract__ = True

    metadata = MetaData(naming_convention=Base.metadata.naming_convention)


class Row(Private):
    """A row with a unique name; the fixture `rows` creates its table."""

    __tablename__ = "test_rows"

    id: Mapped[IntegerKey]
    name: Mapped[str] = mapped_column(Unicode(255), unique=True)
    # The annotations alone say the types.
    moment: Mapped[datetime | None]
    document: Mapped[dict[str, Any] | None]
