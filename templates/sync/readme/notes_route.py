"""The path operations on notes."""

from fastapi import APIRouter, status
from pydantic import BaseModel
from sqlalchemy.orm import Session

from packages.api.dependencies import SessionDep
from packages.api.schemas import Text
from packages.database.note_data_model import Note
from packages.database.transaction import run_in_transaction

router = APIRouter(prefix="/notes", tags=["notes"])


class NoteCreate(BaseModel):
    """A note to be created."""

    text: Text


@router.post("", status_code=status.HTTP_201_CREATED)
def create_note(new: NoteCreate, db: SessionDep) -> int:
    """Create a note and return its id; 409 when there is such a note."""

    def work(db: Session) -> int:
        note = Note(text=new.text)
        db.add(note)
        db.flush()
        return note.id

    return run_in_transaction(db, work)
