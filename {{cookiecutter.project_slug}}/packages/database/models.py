"""The smallest model: copy it to start your own."""

from sqlalchemy import Unicode
from sqlalchemy.orm import Mapped, mapped_column

from packages.database.config import Base
from packages.database.types import IntegerKey


class MyModel(Base):
    """A row with a name."""

    __tablename__ = "my_table"

    id: Mapped[IntegerKey]
    name: Mapped[str] = mapped_column(Unicode(255))
