"""The commands of a service, on real databases: migrations by many processes at once."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.live.cells import Cells, InstallOnce
from tests.live.databases import Database, in_file, live_cells
from tests.live.revisions import write_revision
from tests.live.service import ask_doctor, create_database
from tests.servers import MysqlServer
from tests.template import BACKENDS, STYLES, Project, in_turns, run

GetDatabase = Callable[[str], Database]
NewService = Callable[[str, str, str], Project]

# Each database in one of the styles, which differ in how `running.py` gets its connection.
CELLS = in_turns(live_cells())
SERVERS = [(backend, style) for backend, style in CELLS if BACKENDS[backend]["server"]]
# MySQL's tools come with its server; where MariaDB stands in for it, there are none.
TOOLS = [("postgresql", "async"), ("mariadb", "sync"), *([] if MysqlServer.missing() else [("mysql", "sync")])]
SECONDS = 120
SYNC_DRIVERS = {"asyncmy": "pymysql", "aiosqlite": "pysqlite"}

# It would store a second row if it ran twice, and it takes long enough for others to arrive.
SLOW_REVISION = """\
time.sleep(float(os.environ.get("SLEEP_BEFORE", "0")))
op.execute(sa.text("INSERT INTO my_table (name) VALUES ('once')"))
time.sleep(1)
op.create_index("ix_my_table_name", "my_table", ["name"])"""
ADD_COLUMN = 'op.add_column("my_table", sa.Column("note", sa.Unicode(length=20)))'
# A file, what it has in place of something else, and what is said about it.
REVISION = "migrations/versions/0002_change.py"
BROKEN = (
    (REVISION, ("import os, time", "import os time"), f"{REVISION}, line 5: SyntaxError: invalid syntax"),
    (
        REVISION,
        ("import os, time", "import no_such"),
        f"{REVISION}, line 5: ModuleNotFoundError: No module named 'no_such'",
    ),
    (REVISION, ('"0001"', '"0000"'), "migrations/versions: UserWarning: Revision 0000 .* is not present"),
    (REVISION, ('"0002"', '"0001"'), "migrations/versions: .*0001"),
    ("alembic.ini", ("[alembic]", "alembic"), r"alembic\.ini: MissingSectionHeaderError: .*, line: 2"),
)
# It gives up after a few seconds.
TWO_ATTEMPTS = """\
from packages.database.commands import upgrade
from packages.database.commands.cli import main
upgrade.ATTEMPTS = 2
main(["upgrade"])"""
# They wait in the database first.
HANGING = {
    "postgresql": f'op.execute("SELECT pg_sleep(20)")\n{ADD_COLUMN}',
    "mariadb": f'op.execute("SELECT sleep(20)")\n{ADD_COLUMN}',
}
# The table has the second column already.
FAILING_REVISION = f"{ADD_COLUMN}\n{ADD_COLUMN.replace('note', 'name')}"
DUPLICATE = {
    "postgresql": 'column "{}" of relation "my_table" already exists',
    "mariadb": "(1060, \"Duplicate column name '{}'\")",
}
# What takes each of them back.
DOWNGRADES = {
    SLOW_REVISION: 'op.drop_index("ix_my_table_name", "my_table")',
    **dict.fromkeys([ADD_COLUMN, FAILING_REVISION, *HANGING.values()], 'op.drop_column("my_table", "note")'),
}


@pytest.fixture
def new_service(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    get_database: GetDatabase,
    database_name: str,
    install_once: InstallOnce,
) -> NewService:
    """Give a function that makes a service with an empty database and, until the test ends, a further revision."""

    def new(backend: str, style: str, revision: str) -> Project:
        environment = get_database(backend).environment(style, backend, database_name)
        project = install_once(backend, style, environment or in_file(tmp_path, style), "none")
        path = write_revision(project.folder, 2, revision, DOWNGRADES[revision], "import os, time")
        request.addfinalizer(lambda: path.unlink(missing_ok=True))
        create_database(project)
        return project

    return new


def start(project: Project, *arguments: str, **env: str) -> subprocess.Popen[str]:
    """Start a command of the service."""
    return project.start("python", "-u", "-m", "packages.database", *arguments, **env)


@contextmanager
def query(project: Project) -> Iterator[Callable[[str], list[object]]]:
    """Give a function that executes a statement on the service's database, all in one transaction."""
    url = make_url(project.env["DATABASE_URL"])
    driver = url.get_driver_name()
    url = url.set(drivername=f"{url.get_backend_name()}+{SYNC_DRIVERS.get(driver, driver)}")
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            yield lambda statement: list(connection.scalars(text(statement)))
    finally:
        engine.dispose()


@pytest.mark.parametrize("rounds", [1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("backend", "style"), CELLS)
def test_ten_processes_migrate_once(new_service: NewService, backend: str, style: str, rounds: int) -> None:
    """One migrates, nine wait and find nothing to do; a change of rows is made once."""
    project = new_service(backend, style, SLOW_REVISION)
    for _ in range(rounds):
        processes = [start(project, "upgrade") for _ in range(10)]
        outputs = [process.communicate(timeout=SECONDS)[0] for process in processes]
        assert [process.returncode for process in processes] == [0] * 10, outputs
        assert sum("Running upgrade 0001 -> 0002" in output for output in outputs) == 1
        with query(project) as execute:
            assert execute("SELECT count(*) FROM my_table WHERE name = 'once'") == [1]
        project.run("alembic", "downgrade", "base")


@pytest.mark.parametrize(("backend", "style"), CELLS)
def test_killed_process_frees_the_lock(new_service: NewService, backend: str, style: str) -> None:
    """Others wait no longer than they say while it lives; once it is killed, the next one migrates."""
    project = new_service(backend, style, SLOW_REVISION)
    holder = start(project, "upgrade", SLEEP_BEFORE="600")
    assert holder.stdout
    while "0001 -> 0002" not in (line := holder.stdout.readline()):
        assert line, "it ended without migrating"
    waiting = start(project, "upgrade", "--wait", "1")
    output = waiting.communicate(timeout=SECONDS)[0]
    assert waiting.returncode == 3, output
    assert "another process still migrates after 1 s" in output
    holder.kill()
    holder.communicate()
    following = start(project, "upgrade")
    output = following.communicate(timeout=SECONDS)[0]
    assert following.returncode == 0, output
    assert "is now at revision 0002" in output


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("backend", HANGING)
def test_interrupted_migration_ends_and_changes_nothing(new_service: NewService, backend: str, style: str) -> None:
    """Ctrl-C ends a migration while the database still works on a statement, and what would follow is not done."""
    project = new_service(backend, style, HANGING[backend])
    # What a shell starts in the background ignores Ctrl-C, and so do its own processes.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        migration = start(project, "upgrade")
    finally:
        signal.signal(signal.SIGINT, before)
    assert migration.stdout
    while "0001 -> 0002" not in (line := migration.stdout.readline()):
        assert line, "it ended without migrating"
    time.sleep(1)
    begin = time.monotonic()
    migration.send_signal(signal.SIGINT)
    output = migration.communicate(timeout=SECONDS)[0]
    assert time.monotonic() - begin < 10
    assert (migration.returncode, output.strip()) == (1, "Aborted!")
    with query(project) as execute:
        assert execute("SELECT version_num FROM alembic_version") == ["0001"]


@pytest.mark.parametrize(("backend", "style"), SERVERS)
def test_migration_does_not_stop_the_service(new_service: NewService, backend: str, style: str) -> None:
    """A table in use makes a migration give way again and again, and succeed once the table is free."""
    project = new_service(backend, style, ADD_COLUMN)
    project.run("alembic", "upgrade", "0001")
    with query(project) as execute:
        execute("SELECT id FROM my_table")
        migration = start(project, "upgrade", DATABASE_LOCK_TIMEOUT_SECONDS="1")
        time.sleep(4)
        with query(project) as other:
            begin = time.monotonic()
            other("SELECT id FROM my_table")
            assert time.monotonic() - begin < 3
        assert migration.poll() is None
    output = migration.communicate(timeout=SECONDS)[0]
    assert migration.returncode == 0, output


def test_migration_that_gets_no_lock_was_not_done_in_time(new_service: NewService) -> None:
    """It ends with 3, as where another process migrates: trying again later may help, and nothing is half done."""
    project = new_service("postgresql", "sync", ADD_COLUMN)
    project.run("alembic", "upgrade", "0001")
    with query(project) as execute:
        execute("SELECT id FROM my_table")
        migration = project.start("python", "-c", TWO_ATTEMPTS, DATABASE_LOCK_TIMEOUT_SECONDS="1")
        output = migration.communicate(timeout=SECONDS)[0]
    assert migration.returncode == 3, output
    assert re.search(r"\nError: the migration got no lock in 2 attempts: .*lock.*; end the transactions .*\n$", output)


@pytest.mark.parametrize("style", ["sync", "async"])
def test_database_ahead_of_the_code_is_left_alone(new_service: NewService, style: str) -> None:
    """Old code says that it must not migrate what newer code has migrated, in one sentence."""
    project = new_service("sqlite", style, ADD_COLUMN)
    project.run("python", "-m", "packages.database", "upgrade")
    (project.folder / "migrations/versions/0002_change.py").unlink()
    refused = project.run("python", "-m", "packages.database", "upgrade", check=False)
    assert refused.returncode == 1
    assert re.fullmatch(r"Error: the database is at revision 0002, which this code .*\n", refused.stderr)


def test_what_alembic_refuses_is_reported_in_a_sentence(new_service: NewService) -> None:
    """Where the folder of the migrations is missing, as in an image without it, the command says so in one line."""
    project = new_service("sqlite", "async", ADD_COLUMN)
    folder = project.folder / "migrations"
    folder.rename(project.folder / "elsewhere")
    try:
        refused = project.run("python", "-m", "packages.database", "upgrade", check=False)
    finally:
        (project.folder / "elsewhere").rename(folder)
    assert refused.returncode == 1
    assert re.fullmatch(rf"Error: Path doesn't exist: {re.escape(str(folder))}.*\n", refused.stderr), refused.stderr


def test_what_cannot_be_loaded_is_named_with_its_line(new_service: NewService) -> None:
    """An error in a revision or in `alembic.ini` is one sentence of each command: the file, its line and the error."""
    project = new_service("sqlite", "async", ADD_COLUMN)
    project.run("alembic", "upgrade", "0001")
    for name, (old, new), said in BROKEN:
        path = project.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        try:
            refused = [
                project.run("python", "-m", "packages.database", each, check=False) for each in ("upgrade", "doctor")
            ]
        finally:
            path.write_text(text, encoding="utf-8")
        for each in refused:
            assert each.returncode == 1
            assert re.fullmatch(rf"Error: .*{said}.*; correct it and run this again\n", each.stderr), each.stderr


@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
def test_revision_that_fails_says_whether_a_part_of_it_is_done(new_service: NewService, backend: str) -> None:
    """Where the database cannot roll a change of the schema back, the sentence says so, and what to do."""
    project = new_service(backend, "sync", FAILING_REVISION)
    for reason in ("name", "note" if backend == "mariadb" else "name"):
        refused = project.run("python", "-m", "packages.database", "upgrade", check=False)
        assert refused.returncode == 1
        assert f"the database refused a statement: {DUPLICATE[backend].format(reason)}" in refused.stderr
        advice = "what the revision has changed before stays changed: undo that part by hand"
        assert (advice in refused.stderr) is (backend == "mariadb")


@pytest.mark.parametrize(("backend", "style"), SERVERS)
def test_wait_is_bounded_and_ends_when_the_database_answers(new_service: NewService, backend: str, style: str) -> None:
    """Where nobody answers, it ends with code 3 and one sentence without a password; otherwise at once."""
    project = new_service(backend, style, ADD_COLUMN)
    answered = start(project, "wait")
    assert "The database answers." in answered.communicate(timeout=SECONDS)[0]
    assert answered.returncode == 0
    url = make_url(project.env["DATABASE_URL"])
    closed = url.set(port=1).render_as_string(hide_password=False)
    waiting = start(project, "wait", "--timeout", "1", DATABASE_URL=closed, DATABASE_CONNECT_TIMEOUT_SECONDS="1")
    output = waiting.communicate(timeout=SECONDS)[0]
    assert waiting.returncode == 3, output
    assert output.startswith("Error: the database does not answer after 1 s: ")
    assert output.count("\n") == 1
    assert str(url.password) not in output
    found = ask_doctor(project, DATABASE_URL=closed, DATABASE_CONNECT_TIMEOUT_SECONDS="1")
    assert [(name, check["state"]) for name, check in found.items()] == [("connection", "error")]
    assert str(url.password) not in str(found)


@pytest.mark.parametrize(("backend", "style"), TOOLS)
def test_printed_commands_back_up_and_restore(cells: Cells, tmp_path: Path, backend: str, style: str) -> None:
    """What `backup` and `restore` print works as it stands, brings the rows back, and names no password."""
    cell = cells(backend, style)
    password = cell.server.password
    (tmp_path / ".my.cnf").write_text(f"[client]\npassword={password}\n", encoding="utf-8")
    (tmp_path / ".pgpass").write_text(f"*:*:*:*:{password}\n", encoding="utf-8")
    (tmp_path / ".pgpass").chmod(0o600)
    if backend == "mysql":
        MysqlServer.put_clients(tmp_path)
    environment = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def run_printed(name: str) -> None:
        printed = cell.project.run("python", "-m", "packages.database", name, "a backup", check=False)
        assert printed.returncode == 1, printed.stderr
        assert password not in printed.stdout + printed.stderr
        run("sh", "-ec", printed.stdout, cwd=tmp_path, env=environment)

    cell.server.query("INSERT INTO my_table (name) VALUES ('kept')", cell.database)
    run_printed("backup")
    cell.server.query("UPDATE my_table SET name = 'lost'", cell.database)
    run_printed("restore")
    assert ("kept",) in cell.server.query("SELECT name FROM my_table", cell.database)
    assert ("lost",) not in cell.server.query("SELECT name FROM my_table", cell.database)
