"""Processor time of a read through SQLAlchemy's Core, driver by driver, in microseconds.

One connection, no transaction; one row by its key, and a list of 1,000 rows with a number, a text and a time. *Ours*
are the drivers of the rendered services.
"""

from contextlib import ExitStack

from sqlalchemy import URL

from benchmarks.results import Measured
from benchmarks.rig import Rig, new_environment, versions
from benchmarks.tables import Table, against
from benchmarks.workers import Worker, worker
from tests.template import Project, run

TITLE = "Drivers"
ROUNDS = 5
READS = {"one row": (1, 200), "1,000 rows": (1000, 10)}
# By server: the driver's name in a URL and its style, by package; the first of each style is ours.
DRIVERS = {
    "postgresql": {
        "psycopg[binary]": [("psycopg", "sync"), ("psycopg", "async")],
        "asyncpg": [("asyncpg", "async")],
    },
    "mariadb": {
        "pymysql[rsa]": [("pymysql", "sync")],
        "mysqlclient": [("mysqldb", "sync")],
        "mysql-connector-python": [("mysqlconnector", "sync")],
        "asyncmy": [("asyncmy", "async")],
    },
}
TABLE = "CREATE TABLE rows_to_read (id INTEGER PRIMARY KEY, name VARCHAR(255), created_at TIMESTAMP)"


def measure(rig: Rig) -> Measured:
    """Measure on PostgreSQL and MariaDB, whose drivers are those of MySQL too."""
    measured = Measured()
    folder = rig.folder / "drivers"
    folder.mkdir()
    new_environment(folder, "sqlalchemy[asyncio]")
    project = Project(folder, {})
    measured.versions |= versions(project, ("sqlalchemy",))
    for backend, packages in DRIVERS.items():
        if reason := rig.missing(backend):
            measured.left_out.append(reason)
            continue
        url = database(rig, backend)
        with ExitStack() as stack:
            workers: dict[str, Worker] = {}
            for package, drivers in packages.items():
                name = package.partition("[")[0]
                if run("uv", "pip", "install", "--quiet", package, cwd=folder, check=False).returncode:
                    measured.left_out.append(
                        f"{name} has no wheel for Linux; it needs `libmariadb-dev` and a compiler."
                    )
                    continue
                measured.versions |= versions(project, (name,))
                for driver, style in drivers:
                    address = url.set(drivername=f"{backend}+{driver}").render_as_string(hide_password=False)
                    process = stack.enter_context(worker(project, "drivers.py", [address, style]))
                    workers[f"{rig.server(backend).title} | {name}, {style}"] = process
            add_reads(measured, rig, workers)
    return measured


def database(rig: Rig, backend: str) -> URL:
    """Return the address of a database with the rows to be read."""
    server = rig.server(backend)
    server.create_database("drivers")
    server.query(TABLE, "drivers")
    rows = ", ".join(f"({number}, 'Row {number}', '2026-01-01 00:00:00')" for number in range(1, 1001))
    server.query(f"INSERT INTO rows_to_read VALUES {rows}", "drivers")  # noqa: S608
    return URL.create(backend, server.user, server.password, server.host, server.port, "drivers")


def add_reads(measured: Measured, rig: Rig, workers: dict[str, Worker]) -> None:
    """Let the drivers take turns, and add their series."""
    values: dict[tuple[str, str], list[float]] = {}
    for _ in rig.rounds(ROUNDS):
        for case, (rows, count) in READS.items():
            for title, process in workers.items():
                micros = process.order(rows=rows, count=rig.amount(count))["micros"]
                values.setdefault((case, title), []).append(micros)
    for (case, title), numbers in values.items():
        measured.add(case, title, "µs", numbers)


def tables(measured: Measured) -> list[Table]:
    """Return one table; each driver against the first of its server and style, which is ours."""
    first: dict[tuple[str, str], str] = {}
    rows = []
    for variant in measured.variants():
        server, _, driver = variant.partition(" | ")
        ours = first.setdefault((server, driver.rpartition(", ")[2]), variant)
        row = [server, f"{driver} (ours)" if ours == variant else driver]
        for case in READS:
            one = measured.get(case, variant)
            row += [f"{one.median:,.0f}" if one else "-", against(measured, (case, ours), (case, variant))]
        rows.append(row)
    return [Table(["", "", *(head for case in READS for head in (f"{case}, µs", "ours / this"))], rows)]
