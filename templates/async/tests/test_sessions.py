"""The sessions of a request are closed when its response begins."""

{# async #}
from collections.abc import AsyncIterator, Iterator
{# sync
from collections.abc import Iterator
#}

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse
from sqlalchemy import literal, select
from sqlalchemy.exc import InvalidRequestError, OperationalError
{# async #}
from sqlalchemy.ext.asyncio import AsyncSession
{# sync
from sqlalchemy.orm import Session
#}

from packages.api.dependencies import ReadSessionDep, SessionDep
{# sync
from packages.api.routing import OneThreadRoute
#}
from packages.database.config import ReadSessionLocal
from tests.conftest import client_of_the_api

pytestmark = pytest.mark.usefixtures("schema", "endpoint")


@pytest.fixture
def endpoint(api: FastAPI) -> None:
    """Give the API path operations that stream whether their sessions are open."""
    router = APIRouter()

    @router.get("/open")
    async def read(db: SessionDep, read_db: ReadSessionDep) -> StreamingResponse:
        for each in (db, read_db):
            await each.execute(select(1))
            assert each.in_transaction()

        def body() -> Iterator[str]:
            yield f"{db.in_transaction()}, {read_db.in_transaction()}"

        return StreamingResponse(body())

    @router.get("/late")
    async def read_late(db: SessionDep, read_db: ReadSessionDep) -> StreamingResponse:
        async def body() -> AsyncIterator[str]:
            for each in (db, read_db):
                with pytest.raises(InvalidRequestError, match="closed"):
                    await each.execute(select(1))
                yield "closed "

        return StreamingResponse(body())

    api.include_router(router)


async def test_sessions_are_closed_before_the_body_is_sent() -> None:
    """A client that reads slowly holds no connection."""
    async with client_of_the_api() as client:
        assert (await client.get("/open")).text == "False, False"


async def test_session_that_was_not_used_is_closed_too() -> None:
    """The body of a response cannot begin with it, and so keep a connection."""
    async with client_of_the_api() as client:
        assert (await client.get("/late")).text == "closed closed "


async def test_path_operation_that_yields_uses_sessions_of_its_own(api: FastAPI) -> None:
    """It streams, as server-sent events do, and may open a session for each part of the body."""
    {# async #}
    router = APIRouter()
    {# sync
    router = APIRouter(route_class=OneThreadRoute)
    #}

    @router.get("/rows")
    async def read_rows() -> AsyncIterator[int]:
        for number in (1, 2):
            async with ReadSessionLocal() as db:
                yield (await db.scalars(select(literal(number)))).one()

    api.include_router(router)
    async with client_of_the_api() as client:
        assert (await client.get("/rows")).text == "1\n2\n"


async def test_failed_rollback_leaves_the_response(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that is lost after the work was done fails no request, and is logged."""
    close = AsyncSession.close

    async def close_and_fail(db: AsyncSession) -> None:
        await close(db)
        raise OperationalError("ROLLBACK", None, Exception("connection lost"))

    monkeypatch.setattr(AsyncSession, "close", close_and_fail)
    caplog.set_level("INFO", "packages.api.sessions")
    async with client_of_the_api() as client:
        assert (await client.get("/open")).status_code == 200
    assert "a session was closed without ROLLBACK: connection lost" in caplog.messages
