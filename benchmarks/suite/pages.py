"""A page of 100 rows out of a million users on PostgreSQL: the first against the ten thousandth, in milliseconds.

A page begins after the id of the previous page's last row, so that the database goes straight to it. `OFFSET`, which
counts its way there, is measured beside it, in plain SQL.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

from benchmarks.results import Measured
from benchmarks.rig import OURS, Rig, Service, versions
from benchmarks.serving import Request, served
from benchmarks.tables import Table, against

TITLE = "Page 10,000 of a million rows"
ROUNDS = 7
TIMES = 20
ROWS = 1_000_000
LIMIT = 100
FIRST, LAST = "page 1", "page 10,000"
API, OFFSET = "`GET /users?after=…`, ours", "`OFFSET` in SQL"
FILL = """\
INSERT INTO users (email, name, created_at, updated_at)
SELECT n || '@pages.example.com', 'User ' || n, now(), now() FROM generate_series(1, {}) AS n"""


def measure(rig: Rig) -> Measured:
    """Measure in a database of its own."""
    project = rig.project("postgresql", "async")
    server = rig.server("postgresql")
    rows = 1_000 if rig.quick else ROWS
    measured = Measured(versions(project, ("fastapi", "sqlalchemy", "psycopg")) | {"PostgreSQL": server.version})
    values: dict[tuple[str, str], list[float]] = {}
    with rig.own_database(project) as env, served(Service(API, project, OURS, env=env)) as process:
        database = env["DATABASE_URL"].rpartition("/")[2]
        server.query(FILL.format(rows), database)
        server.query("ANALYZE users", database)
        ((last,),) = server.query("SELECT max(id) FROM users", database)
        starts = {FIRST: (0, 0), LAST: (int(str(last)) - LIMIT, rows - LIMIT)}
        sql = f"SELECT count(*) FROM (SELECT * FROM users ORDER BY id LIMIT {LIMIT} OFFSET {{}}) AS page"  # noqa: S608
        for _ in rig.rounds(ROUNDS):
            for page, (after, offset) in starts.items():
                request = Request("GET", f"/users?limit={LIMIT}&after={after}")
                taken = milliseconds(partial(process.ask, request), rig.amount(TIMES))
                values.setdefault((API, page), []).append(taken)
                taken = milliseconds(partial(server.query, sql.format(offset), database), 2)
                values.setdefault((OFFSET, page), []).append(taken)
    for (way, page), numbers in values.items():
        measured.add(way, page, "ms", numbers)
    return measured


def milliseconds(ask: Callable[[], object], times: int) -> float:
    """Return the median time of a question."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


def tables(measured: Measured) -> list[Table]:
    """Return one table."""
    rows = [
        [
            way,
            *(f"{one.median:,.1f}" for one in measured.series if one.case == way),
            against(measured, (way, LAST), (way, FIRST)),
        ]
        for way in measured.cases()
    ]
    return [Table(["", f"{FIRST}, ms", f"{LAST}, ms", "last / first"], rows)]
