"""The path operations on users."""

from fastapi import APIRouter, HTTPException, status
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from packages.api.dependencies import AfterId, IdPath, Limit, ReadSessionDep, SessionDep
from packages.api.routing import OneThreadRoute
from packages.api.schemas import UserCreate, UserRead, UserUpdate
from packages.database.transaction import run_in_transaction
from packages.database.user_data_model import User

router = APIRouter(prefix="/users", tags=["users"], route_class=OneThreadRoute)

# Built once: building a statement takes longer than executing one that SQLAlchemy has cached.
ONE = select(User).where(User.id == bindparam("id"))
ONE_FOR_UPDATE = ONE.with_for_update()
PAGE = select(User).where(User.id > bindparam("after")).order_by(User.id).limit(bindparam("limit"))


@router.post("", status_code=status.HTTP_201_CREATED)
def create_user(new: UserCreate, db: SessionDep) -> UserRead:
    """Create a user; 409 when the e-mail address is taken."""

    def work(db: Session) -> UserRead:
        user = User(**new.model_dump())
        db.add(user)
        db.flush()
        return UserRead.model_validate(user)

    return run_in_transaction(db, work)


@router.get("/{user_id}")
def read_user(user_id: IdPath, db: ReadSessionDep) -> UserRead:
    """Return one user."""
    return UserRead.model_validate(_get_or_404(db, user_id))


@router.get("")
def list_users(db: ReadSessionDep, limit: Limit = 50, after: AfterId = 0) -> list[UserRead]:
    """Return a page of users in the order of their ids; the next page starts after its last id."""
    page = db.scalars(PAGE, {"after": after, "limit": limit})
    return [UserRead.model_validate(user) for user in page]


@router.patch("/{user_id}")
def update_user(user_id: IdPath, change: UserUpdate, db: SessionDep) -> UserRead:
    """Change the given fields of a user."""

    def work(db: Session) -> UserRead:
        user = _get_or_404(db, user_id, for_update=True)
        for field, value in change.model_dump(exclude_unset=True).items():
            setattr(user, field, value)
        db.flush()
        return UserRead.model_validate(user)

    return run_in_transaction(db, work)


@router.delete("/{user_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_user(user_id: IdPath, db: SessionDep) -> None:
    """Delete a user; 409 while the user owns jobs."""
    run_in_transaction(db, lambda db: db.delete(_get_or_404(db, user_id, for_update=True)))


def _get_or_404(db: Session, user_id: int, *, for_update: bool = False) -> User:
    statement = ONE_FOR_UPDATE if for_update else ONE
    user = db.scalar(statement, {"id": user_id})
    if user is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such user.")
    return user
