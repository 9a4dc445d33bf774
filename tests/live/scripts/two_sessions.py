"""The API of a rendered project, with a request that holds two connections at once."""

from fastapi import APIRouter
from packages.api.app import app as service
from packages.api.dependencies import SessionDep
from packages.database.config import SessionLocal
from packages.database.user_data_model import User

router = APIRouter(prefix="/twice")


@router.get("/{user_id}")
async def read_twice(user_id: int, db: SessionDep) -> bool:
    """Read a user in two sessions, and tell whether both saw the same."""
    first = (await db.get_one(User, user_id)).name
    async with SessionLocal() as other:
        return (await other.get_one(User, user_id)).name == first


app = service
app.include_router(router)
