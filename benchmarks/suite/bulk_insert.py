"""100,000 users stored in one transaction on PostgreSQL, in seconds.

The documented way is `insert_rows` of the service. `insert(Model), rows` is `db.execute` with a list of dictionaries,
which also fills in the columns' defaults; `objects` is `db.add_all`. `executemany` and `COPY` are psycopg's own,
without SQLAlchemy.
"""

from benchmarks.results import Measured
from benchmarks.rig import Rig, versions
from benchmarks.tables import Table, against
from benchmarks.workers import worker

TITLE = "Insert of 100,000 rows"
ROUNDS = 3
ROWS = 100_000
CASE = "100,000 rows"
OURS = "insert_rows"
WAYS = (OURS, "insert(Model), rows", "objects", "executemany", "COPY")


def measure(rig: Rig) -> Measured:
    """Measure in a database of its own, since the table is emptied each time."""
    project = rig.project("postgresql", "sync")
    measured = Measured(versions(project, ("sqlalchemy", "psycopg")))
    measured.versions["PostgreSQL"] = rig.server("postgresql").version
    with rig.own_database(project) as env, worker(project, "bulk_insert.py", env=env) as process:
        seconds: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in rig.rounds(ROUNDS):
            for way in WAYS:
                seconds[way].append(process.order(way=way, count=100 if rig.quick else ROWS)["seconds"])
    for way, values in seconds.items():
        measured.add(CASE, way, "s", values)
    return measured


def tables(measured: Measured) -> list[Table]:
    """Return one table."""
    return [
        Table(
            ["", "s", "this / executemany", "this / COPY"],
            [
                [
                    f"`{one.variant}`",
                    f"{one.median:.2f}",
                    *(against(measured, (CASE, one.variant), (CASE, raw)) for raw in ("executemany", "COPY")),
                ]
                for one in measured.series
            ],
        )
    ]
