"""Notes keep their text."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from packages.database.note_data_model import Note


def test_note_is_stored(db: Session) -> None:
    """What was written can be read."""
    db.add(Note(text="milk"))
    db.commit()
    assert db.scalars(select(Note.text)).all() == ["milk"]
