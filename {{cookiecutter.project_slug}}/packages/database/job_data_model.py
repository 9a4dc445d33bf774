"""The jobs that users own."""

from enum import StrEnum

from sqlalchemy import Enum, ForeignKey, Unicode
from sqlalchemy.orm import Mapped, mapped_column, relationship

from packages.database.config import Base
from packages.database.types import CreatedAt, IntegerKey, JsonObject, UpdatedAt
from packages.database.user_data_model import User


class JobStatus(StrEnum):
    """The state of a job."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


# Text with a CHECK constraint works the same on every database. To add a status, write a migration
# that replaces the constraint.
JobStatusType = Enum(
    JobStatus,
    name="status",
    native_enum=False,
    create_constraint=True,
    length=16,
    values_callable=lambda statuses: [status.value for status in statuses],
)


class Job(Base):
    """A piece of work that a user owns."""

    __tablename__ = "jobs"

    id: Mapped[IntegerKey]
    owner_id: Mapped[int] = mapped_column(ForeignKey(User.id), index=True)
    title: Mapped[str] = mapped_column(Unicode(255))
    status: Mapped[JobStatus] = mapped_column(JobStatusType, default=JobStatus.PENDING)
    payload: Mapped[JsonObject]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]

    owner: Mapped[User] = relationship()
