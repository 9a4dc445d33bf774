"""Each recipe of `docs/recipes.md` works: its code is put into a service on a real PostgreSQL and run."""

import json
import re
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import yaml
from sqlalchemy import make_url

from tests.live.cells import Cells, stored_jobs
from tests.live.databases import Databases
from tests.live.pages import Page, run_command, serving, words_of
from tests.live.service import START_SECONDS, create_database, new_user, serve, wait_until
from tests.live.test_workers import KILLS, kill_workers
from tests.live.workload import Note
from tests.servers import RedisServer, Server, free_port
from tests.template import PYTHONS, Project, install, interpreter, render, run

PAGE = Page("recipes.md")
DATABASE = "t_recipes"
ROWS = 12
CLIENTS = 8
NEW_USER = "INSERT INTO users (email, name, created_at, updated_at) VALUES ('{}@example.com', 'n', now(), now())"
NEW_JOBS = """
INSERT INTO jobs (owner_id, title, status, payload, created_at, updated_at)
SELECT {}, 't', 'pending', '{{}}', now(), now() FROM generate_series(1, {}) RETURNING id
"""
# A module that uses the engine when it is imported, before the process forks.
EAGER = {
    "sync": """
from packages.database.config import engine
with engine.connect() as connection:
    connection.exec_driver_sql("SELECT 1")
""",
    "async": """
import asyncio
from fastapi import APIRouter
from packages.database.config import engine
router = APIRouter()
async def ask():
    async with engine.connect() as connection:
        await connection.exec_driver_sql("SELECT 1")
asyncio.run(ask())
""",
}


@dataclass(frozen=True)
class Services:
    """The services that the recipes are put into, on one database; they share an environment."""

    server: Server
    flask: Project
    litestar: Project
    fastapi: Project

    def number(self, sql: str) -> int:
        """Return the number that a statement gives."""
        return int(str(self.server.query(sql, DATABASE)[0][0]))

    def new_user(self) -> int:
        """Store a user, and return its id."""
        return self.number(NEW_USER.format(uuid4().hex) + " RETURNING id")

    def new_jobs(self) -> list[int]:
        """Store jobs, and return their ids."""
        return [int(str(row[0])) for row in self.server.query(NEW_JOBS.format(self.new_user(), ROWS), DATABASE)]

    def jobs(self, owner: int) -> list[tuple[str, int]]:
        """Return the jobs of an owner; see `stored_jobs`."""
        return stored_jobs(self.server, DATABASE, owner)

    def wait_until_succeeded(self, jobs: list[int]) -> None:
        """Wait until all jobs are done."""
        question = f"SELECT count(*) FROM jobs WHERE status = 'succeeded' AND id BETWEEN {jobs[0]} AND {jobs[-1]}"  # noqa: S608
        wait_until(lambda: self.number(question) == len(jobs), "not all jobs are done", START_SECONDS)

    def connections(self) -> int:
        """Return how many connections the services have."""
        return self.number(f"SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = '{DATABASE}'")  # noqa: S608


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Services:
    """Install one environment with all that the page adds to a service, for three services on one database."""
    server = databases.server("postgresql")
    env = databases.get("postgresql").environment("async", "postgresql", DATABASE)
    folders = {
        name: render(
            tmp_path_factory.mktemp(name), database_backend="postgresql", session_style=style, web_framework=framework
        )
        for name, style, framework in (
            ("flask", "sync", "none"),
            ("litestar", "async", "none"),
            ("fastapi", "async", "fastapi"),
        )
    }
    beside = [*PAGE.requirements(), "ipykernel", "nbclient", "kubernetes-validate"]
    fastapi = install(folders["fastapi"], PYTHONS[-1], beside, env)
    for name in ("flask", "litestar"):
        (folders[name] / ".venv").symlink_to(folders["fastapi"] / ".venv")
    create_database(fastapi)
    fastapi.run("alembic", "upgrade", "head")
    projects = {
        name: replace(fastapi, folder=folder, env={**env, "PYTHONPATH": str(folder)})
        for name, folder in folders.items()
    }
    return Services(server, **projects)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """Start a broker."""
    if reason := RedisServer.missing():
        pytest.skip(reason)
    with RedisServer() as server:
        yield server


def check_users(client: httpx2.Client) -> None:
    """Create and read a user, and meet each error of a client."""
    new = {"email": f"{uuid4().hex}@example.com", "name": "Ada 🦆"}
    created = client.post("/users", json=new)
    assert created.status_code == 201, created.text
    user = created.json()["id"]
    assert client.get(f"/users/{user}").json() == {"id": user, **new}
    assert client.post("/users", json=new).status_code == 409
    assert client.get("/users/0").status_code == 404


@pytest.mark.parametrize("name", ["Flask", "Litestar"])
def test_another_framework(services: Services, name: str) -> None:
    """It writes and reads, many clients at once; errors have their status, also when there is no database."""
    project: Project = getattr(services, name.lower())
    section = PAGE.section(name)
    section.put(project)
    command = section.command("run")
    with serving(project, command, "/") as client:
        check_users(client)
        create_users(client)
    nowhere = {"DATABASE_URL": f"postgresql+psycopg://app:x@127.0.0.1:{free_port()}/x"}
    with serving(project, command, "/", nowhere | {"DATABASE_CONNECT_TIMEOUT_SECONDS": "1"}) as client:
        assert client.get("/users/1").status_code == 503


def create_users(client: httpx2.Client) -> None:
    """Create users by several clients at once: each gets an id of its own."""
    emails = [f"{uuid4().hex}@example.com" for _ in range(ROWS)]
    with ThreadPoolExecutor(CLIENTS) as threads:
        answers = list(threads.map(lambda email: client.post("/users", json={"email": email, "name": "n"}), emails))
    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
    assert len({answer.json()["id"] for answer in answers}) == ROWS


@pytest.mark.parametrize("style", ["sync", "async"])
def test_celery(services: Services, redis: RedisServer, style: str) -> None:
    """Prefork workers do all tasks, also where their parent has used the engine before it forked."""
    project = services.flask if style == "sync" else services.fastapi
    section = PAGE.section("Celery")
    section.put(project, ["sync", "async"].index(style))
    (project.folder / "eager.py").write_text(EAGER[style], encoding="utf-8")
    jobs = services.new_jobs()
    broker = {"CELERY_BROKER_URL": f"{redis.url[:-1]}{['sync', 'async'].index(style)}"}
    with run_command(project, f"{section.command('celery')} --include eager", broker) as log:
        code = f"from packages.worker import finish_job\nfor job in {jobs}: finish_job.delay(job)"
        project.run("python", "-c", code, check=True, **broker)
        services.wait_until_succeeded(jobs)
        # The parent's and one of each child; the server notices a moment later that one has gone.
        wait_until(lambda: 2 <= services.connections() <= 5, "each process has one connection", START_SECONDS)
    assert "Traceback" not in log.read_text(encoding="utf-8")


def test_rq(services: Services, redis: RedisServer) -> None:
    """A child for each job does it, and leaves no connection behind."""
    section = PAGE.section("RQ")
    section.put(services.flask)
    jobs = services.new_jobs()
    broker = {"REDIS_URL": redis.url.replace("/0", "/2")}
    with run_command(services.flask, section.command("run"), broker) as log:
        code = "from packages.jobs import finish_job\nfrom redis import Redis\nfrom rq import Queue\n"
        code += f"queue = Queue(connection=Redis.from_url({broker['REDIS_URL']!r}))\n"
        code += f"for job in {jobs}: queue.enqueue(finish_job, job)"
        services.flask.run("python", "-c", code)
        services.wait_until_succeeded(jobs)
        wait_until(lambda: services.connections() == 0, "the children's connections are closed", START_SECONDS)
    assert "Traceback" not in log.read_text(encoding="utf-8")


def test_typer(services: Services) -> None:
    """The script changes a row; for what it cannot do, it has one sentence and an exit code."""
    section = PAGE.section("A Typer script")
    section.put(services.litestar)
    words = section.command("run").split()[2:]
    user = services.new_user()
    done = services.litestar.run(words[0], *words[1:4], str(user), "Ada")
    assert (done.stdout, done.stderr) == ("", "")
    assert services.number(f"SELECT count(*) FROM users WHERE id = {user} AND name = 'Ada'") == 1  # noqa: S608
    missing = services.litestar.run(words[0], *words[1:4], "0", "Ada", check=False)
    assert (missing.returncode, missing.stderr) == (1, "There is no user 0; give another id.\n")
    nowhere = {"DATABASE_URL": f"postgresql://app:x@127.0.0.1:{free_port()}/x", "DATABASE_CONNECT_TIMEOUT_SECONDS": "1"}
    refused = services.litestar.run(words[0], *words[1:4], "1", "Ada", check=False, **nowhere)
    assert refused.returncode == 1
    [sentence] = refused.stderr.splitlines()
    assert sentence.startswith("DATABASE_URL: ")


def test_notebook(services: Services) -> None:
    """A cell awaits at its top level, and so does the next one on the same connections."""
    [(path, cell)] = PAGE.section("A notebook").files
    source: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": cell,
    }
    notebook = {"cells": [source | {"id": "one"}, source | {"id": "two"}], "metadata": {}}
    file = services.litestar.folder / path
    file.write_text(json.dumps(notebook | {"nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    services.litestar.run("jupyter", "execute", "--inplace", path)
    users = services.number("SELECT count(*) FROM users")
    outputs = [each["outputs"][0]["text"] for each in json.loads(file.read_text(encoding="utf-8"))["cells"]]
    assert ["".join(output) for output in outputs] == [f"{users} users\n"] * 2


def test_gunicorn_that_preloads(request: pytest.FixtureRequest, services: Services, record_property: Note) -> None:
    """Its workers share no connection, also where a module has used the engine before the fork.

    One that is killed under load costs its own requests only.
    """
    eager = services.fastapi.folder / "packages" / "api" / "routes" / "eager.py"
    eager.write_text(EAGER["async"], encoding="utf-8")
    request.addfinalizer(eager.unlink)
    with serving(services.fastapi, PAGE.section("gunicorn with --preload").command("gunicorn"), "/") as client:
        create_users(client)
        assert client.get("/health/ready").status_code == 200
        record_property("figures", f"gunicorn, {KILLS} of 4 workers killed | {kill_workers(client, services.jobs)}")


def test_uvicorn_with_workers(services: Services) -> None:
    """Four processes open no more connections than the page says."""
    section = PAGE.section("uvicorn with --workers")
    small = {"DATABASE_POOL_SIZE": "1", "DATABASE_MAX_OVERFLOW": "1"}
    assert " ".join(f"{name}={value}" for name, value in small.items()) in PAGE.text
    with serving(services.fastapi, section.command("uvicorn"), "/", small) as client:
        create_users(client)
        assert 1 <= services.connections() <= 16


def test_second_service(services: Services) -> None:
    """Another project depends on the package, and has its models, its engine and a name of its own.

    The migrations are not in the package, and a command that needs them says so.
    """
    section = PAGE.section("A second service that shares the package")
    folder = services.flask.folder.parent
    for path, text in section.files:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    env = {"DATABASE_URL": services.flask.env["DATABASE_URL"], "UV_PYTHON": interpreter(PYTHONS[-1])}
    done = run("sh", "-c", section.command("reports.py"), cwd=folder / "reports", env=env)
    users = services.number("SELECT count(*) FROM users")
    assert done.stdout == f"{users} users\n"
    upgrade = "uv run python -m packages.database upgrade"
    refused = run("sh", "-c", upgrade, cwd=folder / "reports", env=env, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: there is no ")
    assert refused.stderr.endswith("a wheel has no migrations; work in the service's folder\n")


LOGIN = """
import os, psycopg
from packages.database.config import engine
from packages.database.credentials import current_password
token = current_password()
assert "X-Amz-Signature" in token and token not in repr(token)
with psycopg.connect(os.environ["ADMINISTRATOR"], autocommit=True) as connection:
    connection.execute(f"CREATE ROLE t_token LOGIN PASSWORD '{token}'")
with engine.connect() as connection:
    print(connection.exec_driver_sql("SELECT current_user").scalar())
"""


def test_token(services: Services, tmp_path: Path) -> None:
    """In production, a service without a password in its settings logs in with the token that boto3 has made."""
    project = replace(services.flask, folder=render(tmp_path, database_backend="postgresql", web_framework="none"))
    (project.folder / ".venv").symlink_to(services.fastapi.folder / ".venv")
    section = PAGE.section("A token of AWS IAM instead of a password")
    section.put(project)
    run("sh", "-c", section.command("rm"), cwd=project.folder)
    server = services.server
    env = {
        "ADMINISTRATOR": services.flask.env["DATABASE_URL"].replace("+psycopg", ""),
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "of nobody",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "DATABASE_URL": f"postgresql+psycopg://t_token@{server.host}:{server.port}/{DATABASE}",
        "DATABASE_PASSWORD_REQUIRED": "false",
        "ENVIRONMENT": "production",
        "PYTHONPATH": str(project.folder),
    }
    try:
        assert replace(project, env=env).run("python", "-c", LOGIN).stdout == "t_token\n"
    finally:
        server.query("DROP ROLE IF EXISTS t_token")


def test_init_container(services: Services, tmp_path: Path) -> None:
    """The manifest is valid; init containers of two pods migrate at once, and both probes then answer."""
    section = PAGE.section("Migrations in an init container of Kubernetes")
    section.put(services.fastapi)
    [(path, text)] = section.files
    services.fastapi.run("kubernetes-validate", "--strict", path)
    pod = yaml.safe_load(text)["spec"]["template"]["spec"]
    [init], [container] = pod["initContainers"], pod["containers"]
    variables = {each["name"]: each["value"] for each in init["env"]}
    assert [mount["mountPath"] for mount in init["volumeMounts"]] == [variables["SECRETS_DIR"]]
    server = services.server
    (tmp_path / section.commands[0].rpartition("=")[2]).write_text(server.password, encoding="utf-8")
    url = variables["DATABASE_URL"].replace(
        "app@database:5432/my_service", f"{server.user}@{server.host}:{server.port}/t_pods"
    )
    env = {"DATABASE_URL": url, "SECRETS_DIR": str(tmp_path)}
    server.create_database("t_pods")
    project = replace(services.fastapi, env=env)
    with ThreadPoolExecutor() as threads:
        done = list(threads.map(lambda _: project.run(*init["command"]).stdout, range(2)))
    assert sum("is now at revision 0001" in text for text in done) == 1
    image = (project.folder / "Dockerfile").read_text(encoding="utf-8").splitlines()
    command = " ".join(json.loads(image[-1].removeprefix("CMD ")))
    with serving(project, f"uv run {command}", container["livenessProbe"]["httpGet"]["path"]) as client:
        assert client.get(container["readinessProbe"]["httpGet"]["path"]).status_code == 200


def lines_of(heading: str, language: str) -> list[str]:
    """Return the lines of the block of a language in a section."""
    section = PAGE.text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    [block] = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return list(block.splitlines())


def test_platform(services: Services) -> None:
    """With the URL of a platform, in production, both lines work: the tables are there, and the service is ready."""
    lines = lines_of("A platform that sets DATABASE_URL and PORT", "procfile")
    release, web = (line.partition(": ")[2] for line in lines)
    server = services.server
    server.create_database("t_platform")
    url = f"postgres://{server.user}:{server.password}@{server.host}:{server.port}/t_platform"
    project = replace(services.fastapi, env={**services.fastapi.env, "DATABASE_URL": url, "ENVIRONMENT": "production"})
    assert "is now at revision 0001" in project.run(*shlex.split(release)).stdout
    with serving(project, f"uv run {web.replace('$PORT', '8000')}", "/") as client:
        assert client.get("/health/ready").status_code == 200


def service_of_app(services: Services, folder: Path, database: str) -> Project:
    """Return a service that logs in as the role `app`, with the environment of the others."""
    server = services.server
    rendered = render(folder, database_backend="postgresql", session_style="async", web_framework="none")
    (rendered / ".venv").symlink_to(services.fastapi.folder / ".venv")
    url = f"postgresql://app@{server.host}:{server.port}/{database}"
    return replace(
        services.flask,
        folder=rendered,
        env={"DATABASE_URL": url, "DATABASE_PASSWORD": "of app", "PYTHONPATH": str(rendered)},
    )


@pytest.fixture
def role(services: Services) -> Iterator[None]:
    """Create the role `app`; its databases end with it."""
    services.server.query("CREATE ROLE app LOGIN CREATEDB PASSWORD 'of app'")
    yield
    owned = services.server.query(
        "SELECT datname FROM pg_database JOIN pg_roles r ON datdba = r.oid WHERE rolname = 'app'"
    )
    for (name,) in owned:
        services.server.query(f'DROP DATABASE "{name}"')
    services.server.query("DROP ROLE app")


def check_rows_only(client: httpx2.Client) -> None:
    """Check that the service is ready, and writes, changes and removes rows."""
    assert client.get("/health/ready").status_code == 200
    owner = new_user(client, "rows")
    job = client.post("/jobs", json={"owner_id": owner, "title": "t"})
    assert job.status_code == 201, job.text
    assert client.patch(f"/jobs/{job.json()['id']}", json={"title": "u"}).status_code == 200
    for path in (f"/jobs/{job.json()['id']}", f"/users/{owner}"):
        assert client.delete(path).status_code == 204


@pytest.mark.usefixtures("role")
def test_rows_only(services: Services) -> None:
    """With the rights of the recipe, `app` migrates and `app_rows` serves; what changes the schema is refused."""
    server, fastapi = services.server, services.fastapi
    server.query("CREATE DATABASE rows_only OWNER app")
    for statement in lines_of("An account that cannot change the schema", "sql"):
        server.query(statement, "rows_only")
    url = "postgresql://{}@" + f"{server.host}:{server.port}/rows_only"
    owner = replace(fastapi, env={"DATABASE_URL": url.format("app"), "DATABASE_PASSWORD": "of app"})
    service = replace(fastapi, env={"DATABASE_URL": url.format("app_rows"), "DATABASE_PASSWORD": "..."})
    try:
        owner.run("python", "-m", "packages.database", "upgrade")
        with serve(service) as client:
            check_rows_only(client)
        service.run("python", "-m", "packages.database", "doctor")
        assert service.run("alembic", "downgrade", "base", check=False).returncode
    finally:
        server.query("DROP OWNED BY app_rows", "rows_only")
        server.query("DROP ROLE app_rows")


def test_rows_only_on_mariadb(cells: Cells) -> None:
    """MariaDB needs no more than the two lines of the recipe, which MySQL reads, too."""
    cell = cells("mariadb", "async")
    try:
        for statement in lines_of("An account that cannot change the schema", "mysql"):
            cell.server.query(statement.replace(r"my\_service", cell.database.replace("_", r"\_")))
        url = make_url(cell.project.env["DATABASE_URL"]).set(username="app_rows", password="...")  # noqa: S106
        service = replace(cell.project, env={"DATABASE_URL": url.render_as_string(hide_password=False)})
        with serve(service) as client:
            check_rows_only(client)
        assert service.run("alembic", "downgrade", "base", check=False).returncode
    finally:
        cell.server.query("DROP USER app_rows")


@pytest.mark.usefixtures("role")
def test_schema(services: Services, tmp_path: Path) -> None:
    """The tables are in the schema, the tests pass, and Alembic leaves a table of another schema alone."""
    server = services.server
    server.query("CREATE DATABASE company OWNER app")
    server.query("CREATE TABLE public.theirs (id int)", "company")
    for statement in lines_of("A schema of its own", "sql"):
        server.query(statement, "company")
    project = service_of_app(services, tmp_path, "company")
    project.run("python", "-m", "packages.database", "upgrade")
    project.run("alembic", "check")
    project.run("pytest", "-q", "tests/test_migrations.py")
    tables = server.query(
        "SELECT schemaname, tablename FROM pg_tables WHERE tablename IN ('users', 'theirs')", "company"
    )
    assert sorted(tables) == [("orders", "users"), ("public", "theirs")]
    server.query("ALTER ROLE app IN DATABASE company RESET search_path", "company")
    project.run("python", "-m", "packages.database", "upgrade")
    assert "remove_table" in project.run("alembic", "check", check=False).stdout


@pytest.mark.usefixtures("role")
def test_existing_tables(services: Services, tmp_path: Path) -> None:
    """The commands change no table and keep the rows, a table without a model is named, and the tests pass."""
    server = services.server
    for name in ("old", "empty"):
        server.query(f"CREATE DATABASE {name} OWNER app")
    server.query("CREATE TABLE customers (id bigserial PRIMARY KEY, email varchar(200) NOT NULL UNIQUE)", "old")
    server.query("INSERT INTO customers (email) VALUES ('ada@example.com')", "old")
    server.query("ALTER TABLE customers OWNER TO app", "old")
    project = service_of_app(services, tmp_path, "old")
    readme = (project.folder / "README.md").read_text(encoding="utf-8")
    for command in re.findall(r"^rm .*", readme, re.MULTILINE):
        run("sh", "-c", command, cwd=project.folder)
    section = PAGE.section("Tables that exist already")
    assert "remove_table" in project.run("alembic", "check", check=False).stdout
    section.put(project)
    for command in section.commands:
        variables, words = words_of(project, command)
        if variables:
            variables = {"DATABASE_URL": project.env["DATABASE_URL"].replace("/old", "/empty")}
        project.run(*words, check=True, **variables)
    assert "first tables" in project.run("alembic", "current", "--verbose").stdout
    assert "nothing to do" in project.run("python", "-m", "packages.database", "upgrade").stdout
    project.run("alembic", "check")
    assert server.query("SELECT id, email FROM customers", "old") == [(1, "ada@example.com")]
    project.run("pytest", "-q")


@pytest.mark.slow
@pytest.mark.parametrize("style", ["sync", "async"])
def test_recipes_pass_the_type_checker(services: Services, style: str) -> None:
    """A service that is checked strictly is so with the code of the page."""
    project, headings = (
        (services.flask, ["Flask", "RQ"]) if style == "sync" else (services.litestar, ["Litestar", "A Typer script"])
    )
    for heading in headings:
        PAGE.section(heading).put(project)
    PAGE.section("Celery").put(project, ["sync", "async"].index(style))
    project.run("mypy", "packages")


def test_no_recipe_is_left_out() -> None:
    """Each section of the page is named by a test above."""
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [section.heading for section in PAGE.sections if f'"{section.heading}"' not in tests] == []
