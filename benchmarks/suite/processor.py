"""Processor time that the service's process takes for a request, HTTP included and the database server not.

Each service runs under uvicorn, one worker, and is asked one request after the other; the services take turns, for a
batch of requests each. `limit` is FastAPI with asyncpg: pooled connections, no reset between requests, no ORM. `plain`
is the usual tutorial's session on an engine with its defaults. `peer` is what the package `fastapi_template` renders,
with users added as its own example is written. `hot path` is [rows without objects](hot-path.md).
"""

from contextlib import ExitStack
from dataclasses import replace

from benchmarks.results import Measured
from benchmarks.rig import Rig, versions
from benchmarks.serving import Request, served
from benchmarks.tables import Table, against

TITLE = "Processor time of a request"
ROUNDS = 9
REQUESTS = {
    "GET": (Request("GET", "/users/{number}"), 150),
    "list of 50": (Request("GET", "/users"), 50),
    "PATCH": (Request("PATCH", "/users/{number}", {"name": "Name {new}"}), 75),
}
ALONE = "FastAPI alone"
PACKAGES = ("fastapi", "uvicorn", "uvloop", "pydantic", "sqlalchemy", "psycopg", "asyncpg")


def measure(rig: Rig) -> Measured:
    """Measure on PostgreSQL."""
    services = [service for style in ("async", "sync") for service in rig.services("postgresql", style)]
    values: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        running = [stack.enter_context(served(service)) for service in services]
        limit = stack.enter_context(served(replace(services[0], title=ALONE)))
        for _ in rig.rounds(ROUNDS):
            for case, (request, count) in REQUESTS.items():
                for each in running:
                    if not (each.service.prefix and case == "PATCH"):
                        took = each.micros(request, rig.amount(count))
                        values.setdefault((case, each.service.title), []).append(took)
            took = limit.micros(Request("GET", "/empty/{number}"), rig.amount(150))
            values.setdefault(("GET", ALONE), []).append(took)
    measured = Measured(versions(rig.project("postgresql", "async"), PACKAGES))
    measured.versions["PostgreSQL"] = rig.server("postgresql").version
    for (case, title), numbers in values.items():
        measured.add(case, title, "µs", numbers)
    return measured


def tables(measured: Measured) -> list[Table]:
    """Return a table for each kind of request."""
    return [Table(["", "µs", "limit / this", "plain / this"], rows(measured, case), case) for case in measured.cases()]


def rows(measured: Measured, case: str) -> list[list[str]]:
    """Return the rows of a kind of request: the median, and how it relates to the limit and to plain of its style."""
    return [
        [
            one.variant,
            f"{one.median:,.0f}",
            against(measured, (case, "limit"), (case, one.variant)),
            against(measured, (case, f"plain, {'sync' if ' sync' in one.variant else 'async'}"), (case, one.variant)),
        ]
        for one in measured.series
        if one.case == case
    ]
