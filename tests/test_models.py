"""A model is a new file, and the API of a service knows it; a command is none of its business."""

import sys
from pathlib import Path

from tests.template import render, run

NOTE = """
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from packages.database.config import Base
from packages.database.types import IntegerKey


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[IntegerKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
"""
NOTES = '\n    notes: Mapped[list["Note"]] = relationship()\n'
# What the first query does.
CONFIGURE = "from packages.api.app import app; from sqlalchemy.orm import configure_mappers; configure_mappers()"


def test_the_api_knows_a_model_that_no_route_imports(tmp_path: Path) -> None:
    """A relationship may name a model that is only a new file; otherwise each query of the API would fail."""
    service = render(tmp_path)
    database = service / "packages" / "database"
    (database / "notes").mkdir()
    (database / "notes" / "note_data_model.py").write_text(NOTE, encoding="utf-8")
    users = database / "user_data_model.py"
    text = users.read_text(encoding="utf-8").replace("mapped_column\n", "mapped_column, relationship\n", 1)
    users.write_text(text + NOTES, encoding="utf-8")
    run(sys.executable, "-c", CONFIGURE, cwd=service)


def test_a_command_cannot_stop_the_api(tmp_path: Path) -> None:
    """A command may import what is installed for development alone; neither API nor migrations import it."""
    service = render(tmp_path)
    command = service / "packages" / "database" / "commands" / "report.py"
    command.write_text("import no_such_package", encoding="utf-8")
    run(sys.executable, "-c", CONFIGURE, cwd=service)
    run(sys.executable, "-m", "alembic", "upgrade", "head", cwd=service)
