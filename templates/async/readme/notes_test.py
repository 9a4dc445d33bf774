"""Notes keep their text."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from packages.database.note_data_model import Note


async def test_note_is_stored(db: AsyncSession) -> None:
    """What was written can be read."""
    db.add(Note(text="milk"))
    await db.commit()
    assert (await db.scalars(select(Note.text))).all() == ["milk"]
