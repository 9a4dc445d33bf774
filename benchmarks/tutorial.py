"""The usual tutorial's pattern, on the same engine and models: what the benchmark compares the template with."""

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from packages.api.schemas import UserRead
from packages.database.config import get_db
from packages.database.user_data_model import User
from sqlalchemy.orm import Session

app = FastAPI()


@app.get("/users/{user_id}", response_model=UserRead)
def read_user(user_id: int, db: Annotated[Session, Depends(get_db)]) -> User:
    """Return one user: nothing limits the requests that want a connection, and the answer is made later."""
    user = db.get(User, user_id)
    if user is None:
        raise HTTPException(404)
    return user


@app.get("/health/live")
async def live() -> None:
    """Answer once the process runs."""
