"""Each library of `docs/libraries.md` works in a rendered service as the page says, all of them in one."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from tests.live.databases import Databases
from tests.live.pages import Page
from tests.live.scripts import run_text
from tests.live.service import create_database, new_user, serve
from tests.template import PYTHONS, Project, install, render

PAGE = Page("libraries.md")
# A repository as a package may bring it.
WRAPPING = """
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from fastapi import APIRouter
from packages.api.dependencies import SessionDep
from packages.database.user_data_model import User

router = APIRouter()

class Users(SQLAlchemyAsyncRepository[User]):
    model_type = User

@router.post("/wrapped")
async def create(email: str, db: SessionDep) -> None:
    await Users(session=db).add(User(email=email, name="n"))
"""
# A connection is lost in the middle of the work of a repository.
LOST = """
from sqlalchemy import text
from packages.api.repositories import UserRepository
from packages.database.config import SessionLocal, engine
from packages.database.transaction import run_in_transaction
from packages.database.user_data_model import User

attempts = []

async def work(db):
    attempts.append(await db.scalar(text("SELECT pg_backend_pid()")))
    if len(attempts) == 1:
        async with engine.connect() as other:
            await other.execute(text(f"SELECT pg_terminate_backend({attempts[0]})"))
    await UserRepository(db).add(User(email="lost@example.com", name="n"))

async with SessionLocal() as db:
    await run_in_transaction(db, work)
await engine.dispose()
print(len(attempts))
"""

# Sends nothing, and keeps what Sentry would get of a statement that fails.
SENT = """
import sentry_sdk.transport
sent = []
sentry_sdk.transport.BaseHttpTransport.capture_envelope = lambda self, envelope: sent.append(envelope.serialize())
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import text
from packages.api.app import app
from packages.api.dependencies import ReadSessionDep
from packages.database.config import engine, read_engine

@app.post("/fails")
async def fail(body: dict[str, str], db: ReadSessionDep) -> None:
    await db.execute(text("SELECT unknown FROM users WHERE email = :email"), body)

async with AsyncClient(transport=ASGITransport(app, raise_app_exceptions=False), base_url="http://test") as client:
    # In two parts, since Sentry also sends the arguments of the program, which are this text.
    value = "hidden" + "-value"
    print((await client.post("/fails", json={"email": value})).status_code)
await engine.dispose()
await read_engine.dispose()
events = b"".join(sent)
print(b"unknown" + b" FROM users" in events, value.encode() in events)
"""
# A connection is lost in a mounted application, and the scheduler's function runs.
MOUNTED = """
from sqlalchemy import event, text
from httpx2 import ASGITransport, AsyncClient
from packages.api.app import app
from packages.api.routes.schedule import start_jobs
from packages.database.config import engine, read_engine

lost = []

def lose(connection, cursor, statement, *_):
    if "FROM users" in statement and not lost:
        lost.append(statement)
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

event.listen(read_engine.sync_engine, "before_cursor_execute", lose)
async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
    print((await client.get("/partners/users/2000000000")).status_code, len(lost))
await start_jobs()
await engine.dispose()
await read_engine.dispose()
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Project:
    """Install a service with all libraries and all code of the page, and let Alembic find their tables."""
    env = databases.get("postgresql").environment("async", "postgresql", "t_libraries")
    env |= {"ACCOUNT_SECRET": "s" * 32, "ADMIN_PASSWORD": "let me in"}
    folder = render(tmp_path_factory.mktemp("libraries"), database_backend="postgresql", session_style="async")
    project = install(folder, PYTHONS[-1], PAGE.requirements(), env)
    for section in PAGE.sections:
        section.put(project)
    create_database(project)
    project.run("alembic", "upgrade", "head")
    project.run("alembic", "revision", "--autogenerate", "-m", "add the tables of libraries")
    project.run("ruff", "check", ".")
    project.run("ruff", "format", "--check", ".")
    (folder / "packages" / "api" / "routes" / "wrapped.py").write_text(WRAPPING, encoding="utf-8")
    for command in ("upgrade head", "check", "downgrade -1", "upgrade head"):
        project.run("alembic", *command.split())
    return project


@pytest.fixture(scope="module")
def client(service: Project) -> Iterator[httpx2.Client]:
    """Serve it."""
    with serve(service) as client:
        yield client


def test_fastapi_users(client: httpx2.Client) -> None:
    """An account is registered once and logs in, and a path operation that knows it runs in a transaction."""
    login = {"email": f"{uuid4().hex}@example.com", "password": "of this account"}
    assert client.post("/accounts/register", json=login).status_code == 201
    assert client.post("/accounts/register", json=login).status_code == 400
    assert client.post("/accounts/notes").status_code == 401
    form = {"username": login["email"], "password": login["password"]}
    token = client.post("/accounts/login", data=form).json()["access_token"]
    written = client.post("/accounts/notes", headers={"Authorization": f"Bearer {token}"})
    assert (written.status_code, written.json()) == (201, login["email"])


def test_sqladmin(service: Project, client: httpx2.Client) -> None:
    """Its pages need the password, list and create rows, and say when a row is refused."""
    assert client.get("/admin/").status_code == 302
    assert client.post("/admin/login", data={"username": "", "password": "wrong"}).status_code == 400
    assert client.post("/admin/login", data={"username": "", "password": service.env["ADMIN_PASSWORD"]}).is_redirect
    row = {"email": f"{uuid4().hex}@example.com", "name": "Ada"}
    assert client.post("/admin/user/create", data=row).is_redirect
    assert client.post("/admin/user/create", data=row).status_code == 400
    assert row["email"] in client.get("/admin/user/list").text


def test_fastapi_pagination(client: httpx2.Client) -> None:
    """A page has its rows and the total, and the next one has others."""
    users = [new_user(client, "paged") for _ in range(3)]
    first = client.get("/people", params={"size": 2}).json()
    last = client.get("/people", params={"size": 2, "page": first["pages"]}).json()
    assert first["total"] >= len(users)
    assert last["items"][-1]["id"] == users[-1]
    assert len(first["items"]) == 2


def test_sqlmodel(service: Project, client: httpx2.Client) -> None:
    """Its tables are in the revision, under the names of the convention, and its models are the API's."""
    created = client.post("/heroes", json={"name": "Ada 🦆"})
    assert created.status_code == 201, created.text
    assert created.json()["name"] == "Ada 🦆"
    assert created.json()["created_at"].endswith(("Z", "+00:00"))
    assert client.post("/heroes", json={"name": "x" * 256}).status_code == 422
    [revision] = Path(service.folder / "migrations" / "versions").glob("*libraries.py")
    assert 'op.f("pk_heroes")' in revision.read_text(encoding="utf-8")


def test_advanced_alchemy(service: Project, client: httpx2.Client) -> None:
    """Its errors are the API's 404 and 409, and a lost connection makes the work run again."""
    new = {"email": f"{uuid4().hex}@example.com", "name": "Ada"}
    created = client.post("/members", json=new)
    assert created.status_code == 201, created.text
    assert client.get(f"/members/{created.json()['id']}").json() == created.json()
    assert client.post("/members", json=new).status_code == 409
    assert client.post("/wrapped", params={"email": new["email"]}).status_code == 409
    assert client.get("/members/2000000000").status_code == 404
    assert run_text(service, "async", LOST).stdout == "2\n"


def test_sentry(service: Project) -> None:
    """It gets the statement that failed, and no value of it, neither from the request nor from a frame."""
    env = {**service.env, "SENTRY_DSN": "http://key@127.0.0.1:9/1"}
    assert run_text(Project(service.folder, env), "async", SENT).stdout == "500\nTrue False\n"


def test_prometheus(client: httpx2.Client) -> None:
    """It shows requests and the connections of both engines."""
    assert client.get("/users").status_code == 200
    metrics = client.get("/metrics").text
    assert 'database_connections_used{engine="read"} 0.0' in metrics
    assert 'database_connections_used{engine="write"} 0.0' in metrics
    assert 'http_requests_total{handler="/users",method="GET",status="2xx"}' in metrics


def test_strawberry(client: httpx2.Client) -> None:
    """Resolvers run at the same time, and a conflict shows no value."""
    query = {"query": "{ a: people { name } b: people(limit: 1) { id } }"}
    mutation = {"query": f'mutation {{ addPerson(email: "{uuid4().hex}@example.com", name: "Ada") }}'}
    assert client.post("/graphql", json=mutation).json()["data"]["addPerson"]
    refused = client.post("/graphql", json=mutation).json()
    assert [error["message"] for error in refused["errors"]] == ["Unexpected error."]
    read = client.post("/graphql", json=query).json()["data"]
    assert {"name": "Ada"} in read["a"]
    assert len(read["b"]) == 1


def test_scheduler_and_mounted_application(service: Project) -> None:
    """What a scheduler runs uses the database, and a mounted application reads again after a lost connection."""
    assert run_text(service, "async", MOUNTED).stdout == "200 1\n"


@pytest.mark.slow
def test_libraries_pass_the_type_checker(service: Project) -> None:
    """A service that is checked strictly is so with all code of the page, and with settings that have no default."""
    (service.folder / "packages" / "api" / "routes" / "wrapped.py").unlink()
    service.run("mypy")
