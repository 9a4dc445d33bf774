"""The path operations on notes."""

from fastapi import APIRouter, status
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from packages.api.dependencies import SessionDep
from packages.api.schemas import Text
from packages.database.note_data_model import Note
from packages.database.transaction import run_in_transaction

router = APIRouter(prefix="/notes", tags=["notes"])


class NoteCreate(BaseModel):
    """A note to be created."""

    text: Text


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_note(new: NoteCreate, db: SessionDep) -> int:
    """Create a note and return its id; 409 when there is such a note."""

    async def work(db: AsyncSession) -> int:
        note = Note(text=new.text)
        db.add(note)
        await db.flush()
        return note.id

    return await run_in_transaction(db, work)
