"""Where the processor time of `GET /users/{id}` goes, layer by layer, in microseconds; asynchronous services.

A sample for each millisecond of processor time. It counts for the layer of the innermost frame; what a layer calls of
Python's own library, and of C, is the layer's.
"""

import json
from contextlib import ExitStack
from dataclasses import replace

from benchmarks.results import Measured
from benchmarks.rig import Rig, versions
from benchmarks.serving import Request, served
from benchmarks.tables import Table

TITLE = "Where the processor time goes"
ROUNDS = 5
REQUESTS = 400
GET = Request("GET", "/users/{number}")
SAMPLES = Request("GET", "/samples", exact=True)
PACKAGES = ("fastapi", "sqlalchemy", "psycopg", "asyncpg")


def measure(rig: Rig) -> Measured:
    """Measure on PostgreSQL."""
    services = [each for each in rig.services("postgresql", "async") if each.title != "peer"]
    found: dict[str, list[dict[str, float]]] = {service.title: [] for service in services}
    with ExitStack() as stack:
        running = [
            stack.enter_context(served(replace(service, app="profiled:app", env={"PROFILED": service.app})))
            for service in services
        ]
        for _ in rig.rounds(ROUNDS):
            for process in running:
                micros = process.micros(GET, rig.amount(REQUESTS))
                samples = json.loads(process.ask(SAMPLES))
                total = sum(samples.values()) or 1
                found[process.service.title].append({name: micros * count / total for name, count in samples.items()})
    measured = Measured(versions(rig.project("postgresql", "async"), PACKAGES))
    measured.versions["PostgreSQL"] = rig.server("postgresql").version
    layers = sorted({name for rounds in found.values() for each in rounds for name in each})
    for name in layers:
        for title, rounds in found.items():
            measured.add(name, title, "µs", [each.get(name, 0) for each in rounds])
    return measured


def tables(measured: Measured) -> list[Table]:
    """Return one table: the layers of ours that take most come first."""
    variants = measured.variants()
    medians = {
        case: [one.median if (one := measured.get(case, variant)) else 0 for variant in variants]
        for case in measured.cases()
    }
    ours = variants.index("ours, async")
    rows = [
        [case, *(f"{value:,.0f}" for value in values)]
        for case, values in sorted(medians.items(), key=lambda item: -item[1][ours])
    ]
    return [Table(["", *variants], rows)]
