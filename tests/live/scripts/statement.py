"""The API of a rendered project, with a request that runs a statement in a unit of work."""

from fastapi import Body
from packages.api.app import app
from packages.api.dependencies import SessionDep
from packages.database.transaction import run_in_transaction
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@app.post("/statement")
async def run_statement(db: SessionDep, sql: str = Body()) -> None:
    """Run a statement, whatever it is."""

    async def work(session: AsyncSession) -> None:
        await session.execute(text(sql))

    await run_in_transaction(db, work)
