"""A PostgreSQL service behind PgBouncer in transaction mode keeps its promises, and leaves nothing to other clients."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.live.cells import InstallOnce, parameters
from tests.live.revisions import write_revision
from tests.live.scripts import put_script, run_text
from tests.live.service import ask_doctor, serve, wait_until_ready
from tests.live.workload import Note, Workload
from tests.servers import PgBouncer, PostgresqlServer
from tests.template import STYLES, Project

CLIENTS = 64
ROUNDS = 2
# What a client that sets nothing sees, and for how long it looks.
DEFAULTS = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "default_transaction_read_only": "off",
}
SECONDS = 2
FAULTS = [(fault, style) for fault in ("none", "server restarted", "pooler restarted") for style in STYLES]
# Where a request waits for its turn for a second only, more would be refused on a busy machine.
FEW_CLIENTS = 16
SHORT_LIMITS = {
    "DATABASE_CONNECT_TIMEOUT_SECONDS": "1",
    "DATABASE_READ_TIMEOUT_SECONDS": "6",
    "DATABASE_POOL_TIMEOUT_SECONDS": "1",
}
# What a request may wait for at a paused pooler, one after the other: its turn, an answer, and, since its work runs
# again, the ping of another connection, and the first answer on a new one. And what the machine adds.
LONGEST_WAIT_SECONDS = 1 + 6 + 1 + 1
SLACK_SECONDS = 2
# A revision that fails without the limit that every migration has.
CHECK_LIMIT = """\
limit = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar()
if limit != "5s":
    raise RuntimeError(limit)"""
READY = """
from fastapi import Request
from packages.api.health import ready
from packages.database.config import engine

print((await ready(Request({"type": "http"}))).limits)
"""

CONNECT = """
import logging
from packages.database.config import engine
logging.basicConfig(level=logging.INFO)
async with engine.connect():
    pass
await engine.dispose()
"""

in_one_style = pytest.mark.parametrize(
    "project", [pytest.param("sync", marks=pytest.mark.slow), "async"], indirect=True
)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """Start a server, with a database for each style."""
    if reason := PostgresqlServer.missing() or PgBouncer.missing():
        pytest.skip(reason)
    with PostgresqlServer() as server:
        for style in STYLES:
            server.create_database(f"t_pooled_{style}")
        yield server


@pytest.fixture(scope="module")
def pooler(server: PostgresqlServer) -> Iterator[PgBouncer]:
    """Start a pooler as Debian configures it, but for its mode."""
    with PgBouncer(server) as pooler:
        yield pooler


@pytest.fixture(scope="module", params=STYLES)
def project(request: pytest.FixtureRequest, pooler: PgBouncer, install_once: InstallOnce) -> Project:
    """Install a project that goes through the pooler, and migrate its database."""
    style = request.param
    name = f"t_pooled_{style}"
    environment = {
        "DATABASE_URL": url(pooler, name),
        "TEST_DATABASE_URL": url(pooler, f"{name}_test"),
        "DATABASE_POOLER": "transaction",
        "DATABASE_POOL_SIZE": "5",
    }
    project = install_once("postgresql", style, environment)
    project.run("alembic", "upgrade", "head")
    return project


def url(pooler: PgBouncer, database: str) -> str:
    """Return the URL of a database behind a pooler."""
    return f"postgresql+psycopg://{pooler.user}:{pooler.password}@{pooler.host}:{pooler.port}/{database}"


def style_of(project: Project) -> str:
    """Return the style of a project."""
    return project.env["DATABASE_URL"].rpartition("_")[2]


@in_one_style
def test_project_passes_its_own_tests(project: Project) -> None:
    """Migrations, the test kit, sessions for reading and every limit that the server was asked for hold behind it."""
    project.run("alembic", "check")
    assert " passed" in project.run("pytest", "-q").stdout


def test_doctor_sees_the_pooler(project: Project) -> None:
    """It finds every limit in effect, and a pooler in front of the server."""
    checks = ask_doctor(project)
    assert {check["state"] for check in checks.values()} == {"ok"}
    assert checks["pooler"]["found"] == "in front of the server"


def test_each_migration_has_its_limit(project: Project) -> None:
    """Each revision has a transaction of its own, which waits for a lock for as long as the settings say."""
    paths = [write_revision(project.folder, number, CHECK_LIMIT) for number in (2, 3)]
    try:
        project.run("alembic", "upgrade", "head")
        project.run("alembic", "downgrade", "0001")
    finally:
        for path in paths:
            path.unlink()


def test_level_of_isolation_can_be_asked_for(project: Project) -> None:
    """At SERIALIZABLE no update is lost, and the losers run again."""
    script = put_script(project, style_of(project), "transactions")
    report = json.loads(project.run("python", script, "increments").stdout)
    assert report["errors"] == []
    assert report["balances"] == [len(report["tries"]), 0, 0]
    assert "40001" in report["codes"]


@pytest.mark.parametrize(("fault", "project"), parameters(FAULTS, apart=True), indirect=["project"])
def test_load_leaves_nothing_to_other_clients(
    project: Project, server: PostgresqlServer, pooler: PgBouncer, fault: str, record_property: Note
) -> None:
    """64 clients meet a fault: no request fails but commits in doubt, and another client sees no setting of ours."""
    faults = {"none": lambda: None, "server restarted": server.restart, "pooler restarted": pooler.restart}
    database = project.env["DATABASE_URL"].rpartition("/")[2]
    seen: dict[str, set[str]] = {name: set() for name in DEFAULTS}
    with serve(project) as client:
        wait_until_ready(client)
        with Workload(client, CLIENTS) as workload:
            workload.wait_for_answers(ROUNDS)
            struck = time.monotonic()
            faults[fault]()
            while time.monotonic() < struck + SECONDS or not all(seen.values()):
                for name in DEFAULTS:
                    # Right after a restart the pooler may say that the server is not there yet.
                    try:
                        seen[name].add(str(pooler.query(f"SHOW {name}", database)[0][0]))
                    except psycopg.OperationalError:
                        time.sleep(0.1)
            workload.wait_for_answers(ROUNDS)
    workload.report(record_property, f"PgBouncer, {fault}", style_of(project), struck)
    assert workload.failed == 0
    assert seen == {name: {default} for name, default in DEFAULTS.items()}


@in_one_style
def test_paused_pooler_holds_nobody(project: Project, pooler: PgBouncer, record_property: Note) -> None:
    """PAUSE, for longer than any limit: each request and probe gets its 503 in time, and all is well after RESUME."""
    with serve(project, SHORT_LIMITS) as client, Workload(client, FEW_CLIENTS) as workload:
        workload.wait_for_answers(ROUNDS)
        pooler.pause()
        paused = time.monotonic()
        try:
            time.sleep(LONGEST_WAIT_SECONDS + SLACK_SECONDS)
            resumed = time.monotonic()
            ready = client.get("/health/ready")
        finally:
            pooler.resume()
        wait_until_ready(client)
        workload.wait_for_answers(ROUNDS)
    during = [one for one in workload.outcomes if paused < one.begun and one.ended < resumed]
    workload.report(record_property, "PgBouncer, paused", style_of(project), paused)
    assert ready.status_code == 503
    assert {one.status for one in during} == {503}
    # Each was answered, also those whose requests were under way when the pooler stood still.
    assert {one.client for one in workload.outcomes if paused < one.ended < resumed} == set(range(FEW_CLIENTS))
    assert workload.slowest < LONGEST_WAIT_SECONDS + SLACK_SECONDS


def test_without_the_setting_the_refusal_names_it(project: Project) -> None:
    """A pooler that takes no start-up options ends a command with one sentence, which says what to set."""
    outcome = project.run("alembic", "current", check=False, DATABASE_POOLER="off")
    assert outcome.returncode == 1
    (sentence,) = outcome.stderr.strip().split("\n")
    assert sentence.startswith("DATABASE_POOLER: ")
    assert "set it to transaction" in sentence


def test_limits_that_a_pooler_drops_are_said(project: Project, server: PostgresqlServer) -> None:
    """A pooler that drops the options is logged at the first connection; readiness shows it; nothing is prepared."""
    style = style_of(project)
    # It is a coroutine in both styles, so the text has no twin.
    code = READY + {"async": "await engine.dispose()", "sync": "engine.dispose()"}[style]
    script = put_script(project, style, "prepared")
    with PgBouncer(server, ignored="options") as forgetful:
        environment = {"DATABASE_URL": url(forgetful, f"t_pooled_{style}"), "DATABASE_POOLER": "off"}
        dropped = run_text(Project(project.folder, environment), "async", code)
        prepared = Project(project.folder, environment).run("python", script).stdout
    assert dropped.stderr.startswith("DATABASE_POOLER: the server does not have this service's limits")
    assert dropped.stdout == "dropped\n"
    kept = run_text(project, "async", code)
    assert (kept.stdout, kept.stderr) == ("set\n", "")
    # The next statement may reach another connection, which has not prepared it.
    assert (prepared, project.run("python", script).stdout) == ("0\n", "0\n")


def test_full_pooler_is_waited_for(project: Project, server: PostgresqlServer) -> None:
    """While a pooler allows no more clients, connecting is retried as at a full server, and the log says so."""
    style = style_of(project)
    with PgBouncer(server, clients=1) as small, ThreadPoolExecutor() as threads:
        with psycopg.connect(url(small, "postgres").replace("+psycopg", "")):
            environment = {**project.env, "DATABASE_URL": url(small, f"t_pooled_{style}")}
            waiting = threads.submit(run_text, Project(project.folder, environment), style, CONNECT, check=False)
            time.sleep(SECONDS)
        ended = waiting.result()
    assert ended.returncode == 0, ended.stderr
    assert "connecting is retried: the server has no connection free: " in ended.stderr
