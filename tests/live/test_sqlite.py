"""SQLite done right: no update is lost, nothing is ever locked for good, and what was acknowledged survives a kill."""

import json
import random
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.live.scripts import put_script
from tests.live.service import wait_until
from tests.template import PYTHONS, STYLES, Project, install, render

PROCESSES, THREADS, ROUNDS, COUNTERS = 2, 32, 10, 4
KILLS = 20


@pytest.fixture(scope="module", params=STYLES)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """Return an installed and migrated SQLite service, and its style."""
    folder = render(tmp_path_factory.mktemp("sqlite"), database_backend="sqlite", session_style=request.param)
    installed = install(folder, PYTHONS[0])
    installed.run("alembic", "upgrade", "head")
    return installed, request.param


def begin(project: Project, style: str, script: str, **env: str) -> subprocess.Popen[str]:
    """Start a script in the project's environment."""
    # Waiting for another writer is no slow statement worth a warning here.
    return project.start("python", put_script(project, style, script), DATABASE_SLOW_QUERY_SECONDS="60", **env)


def test_first_connection_waits_for_another_process(project: tuple[Project, str]) -> None:
    """A new database is not in WAL mode yet: a process that connects waits for one that writes, to turn it on."""
    installed, style = project
    with closing(sqlite3.connect(installed.folder / "first.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE names (name TEXT)")
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO names VALUES ('first')")
        first = begin(installed, style, "sqlite_first", DATABASE_URL="sqlite:///first.db")
        assert first.stdout
        assert first.stdout.readline() == "connecting\n"
        time.sleep(1)
        assert first.poll() is None
        other.execute("COMMIT")
    assert first.communicate(timeout=60)[0] == "wal\n"


def test_no_update_is_lost_under_threads_and_processes(project: tuple[Project, str]) -> None:
    """64 threads in 2 processes mix reads with read-modify-write: 0 "database is locked", 0 lost updates."""
    installed, style = project
    with closing(sqlite3.connect(installed.folder / "my_service.db")) as database, database:
        database.execute("DELETE FROM my_table")
        database.executemany("INSERT INTO my_table VALUES (?, '0')", [(n + 1,) for n in range(COUNTERS)])
    running = [begin(installed, style, "sqlite_increments") for _ in range(PROCESSES)]
    assert [process.communicate(timeout=240)[0] for process in running] == [""] * PROCESSES
    with closing(sqlite3.connect(installed.folder / "my_service.db")) as database:
        total = database.execute("SELECT SUM(CAST(name AS INTEGER)) FROM my_table").fetchone()[0]
    assert total == PROCESSES * THREADS * ROUNDS


@pytest.mark.parametrize("project", ["sync", pytest.param("async", marks=pytest.mark.slow)], indirect=True)
def test_acknowledged_commits_survive_a_kill(project: tuple[Project, str]) -> None:
    """A process killed in the middle of writing, 20 times: the file is sound and every acknowledged row is there."""
    installed, style = project
    acknowledged: set[int] = set()
    for _ in range(KILLS):
        writer = begin(installed, style, "sqlite_writer")
        assert writer.stdout
        lines = [writer.stdout.readline() for _ in range(random.randint(1, 40))]  # noqa: S311 - where to kill
        writer.kill()
        rest, _ = writer.communicate(timeout=30)
        # The last line may be cut off: it was not acknowledged.
        said = "".join(lines) + rest
        acknowledged |= {int(line) for line in said.splitlines(keepends=True) if line.endswith("\n")}
    with closing(sqlite3.connect(installed.folder / "my_service.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        stored = {row[0] for row in database.execute("SELECT id FROM my_table")}
    assert len(acknowledged) >= KILLS
    assert acknowledged <= stored


def test_samples_are_added_once(project: tuple[Project, str]) -> None:
    """`seed` adds what is missing, in tens; a second run adds nothing, and none does in production."""
    installed, _ = project

    def seed(count: int, **env: str) -> subprocess.CompletedProcess[str]:
        command = ("-m", "packages.database", "seed", "--json", "--count", str(count))
        return installed.run("python", *command, check=False, **env)

    assert [json.loads(seed(count).stdout)["jobs"] for count in (5011, 5011, 5030)] == [5020, 0, 10]
    refused = seed(6000, ENVIRONMENT="production")
    assert (refused.returncode, refused.stdout) == (1, "")
    with closing(sqlite3.connect(installed.folder / "my_service.db")) as database:
        assert database.execute("SELECT count(*) FROM jobs").fetchone() == (5030,)


@pytest.mark.parametrize("project", [pytest.param("sync", marks=pytest.mark.slow), "async"], indirect=True)
def test_backup_and_restore_while_others_write(project: tuple[Project, str]) -> None:
    """Each backup holds all rows up to one moment; writers go on, also while one of them replaces the database."""
    installed, style = project

    def rows(name: str) -> tuple[int, int, str]:
        with closing(sqlite3.connect(installed.folder / name)) as database:
            [sound] = database.execute("PRAGMA integrity_check").fetchone()
            # Each writer's row has the next id, so that a row that is missing shows.
            return *database.execute("SELECT count(*), max(id) FROM my_table").fetchone(), sound

    def command(*words: str) -> None:
        installed.run("python", "-m", "packages.database", *words)

    with closing(sqlite3.connect(installed.folder / "my_service.db")) as database, database:
        database.execute("DELETE FROM my_table")
    writers = [begin(installed, style, "sqlite_writer") for _ in range(PROCESSES)]
    outputs = ThreadPoolExecutor(PROCESSES)
    printed = [outputs.submit(writer.communicate) for writer in writers]
    try:
        wait_until(lambda: rows("my_service.db")[0] > 0, "nobody writes")
        for _ in range(2):
            before = rows("my_service.db")[0]
            command("backup", "copy.db", "--force")
            count, last, sound = rows("copy.db")
            assert (count, sound) == (last, "ok")
            assert before <= count
        wait_until(lambda: rows("my_service.db")[0] > count, "nobody writes any more")
        command("restore", "copy.db", "--force")
        restored = rows("my_service.db")[0]
        wait_until(lambda: rows("my_service.db")[0] > restored, "nobody writes any more")
        assert [writer.poll() for writer in writers] == [None] * PROCESSES
    finally:
        for writer in writers:
            writer.kill()
    lines = [line for future in printed for line in future.result()[0].splitlines()[:-1]]
    assert [line for line in lines if not line.isdigit()] == []
    now, last, sound = rows("my_service.db")
    assert (now, sound) == (last, "ok")
    assert count <= restored
