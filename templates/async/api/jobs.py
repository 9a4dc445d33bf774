"""The path operations on jobs."""

from fastapi import APIRouter, HTTPException, status
from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from packages.api.dependencies import AfterId, IdPath, Limit, ReadSessionDep, SessionDep
{# sync
from packages.api.routing import OneThreadRoute
#}
from packages.api.schemas import JobCreate, JobRead, JobUpdate
from packages.database.job_data_model import Job
from packages.database.transaction import run_in_transaction

{# async #}
router = APIRouter(prefix="/jobs", tags=["jobs"])
{# sync
router = APIRouter(prefix="/jobs", tags=["jobs"], route_class=OneThreadRoute)
#}

# Built once: building a statement takes longer than executing one that SQLAlchemy has cached.
ONE = select(Job).where(Job.id == bindparam("id"))
ONE_FOR_UPDATE = ONE.with_for_update()
PAGE = select(Job).where(Job.id > bindparam("after")).order_by(Job.id).limit(bindparam("limit"))


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_job(new: JobCreate, db: SessionDep) -> JobRead:
    """Create a job; 409 when its owner does not exist."""

    async def work(db: AsyncSession) -> JobRead:
        job = Job(**new.model_dump())
        db.add(job)
        await db.flush()
        return JobRead.model_validate(job)

    return await run_in_transaction(db, work)


@router.get("/{job_id}")
async def read_job(job_id: IdPath, db: ReadSessionDep) -> JobRead:
    """Return one job."""
    return JobRead.model_validate(await _get_or_404(db, job_id))


@router.get("")
async def list_jobs(db: ReadSessionDep, limit: Limit = 50, after: AfterId = 0) -> list[JobRead]:
    """Return a page of jobs in the order of their ids; the next page starts after its last id."""
    page = await db.scalars(PAGE, {"after": after, "limit": limit})
    return [JobRead.model_validate(job) for job in page]


@router.patch("/{job_id}")
async def update_job(job_id: IdPath, change: JobUpdate, db: SessionDep) -> JobRead:
    """Change the given fields of a job."""

    async def work(db: AsyncSession) -> JobRead:
        job = await _get_or_404(db, job_id, for_update=True)
        for field, value in change.model_dump(exclude_unset=True).items():
            setattr(job, field, value)
        await db.flush()
        return JobRead.model_validate(job)

    return await run_in_transaction(db, work)


@router.delete("/{job_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_job(job_id: IdPath, db: SessionDep) -> None:
    """Delete a job."""
{# async #}

    async def work(db: AsyncSession) -> None:
        await db.delete(await _get_or_404(db, job_id, for_update=True))

    await run_in_transaction(db, work)
{# sync
    run_in_transaction(db, lambda db: db.delete(_get_or_404(db, job_id, for_update=True)))
#}


async def _get_or_404(db: AsyncSession, job_id: int, *, for_update: bool = False) -> Job:
    statement = ONE_FOR_UPDATE if for_update else ONE
    job = await db.scalar(statement, {"id": job_id})
    if job is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such job.")
    return job
