"""`GET /users/{id}` under `wrk`: requests a second, the median and the slowest percent, and failed requests.

One worker process; client, service and database server share the machine. The services take turns, and one that
stopped answering is started again. The variants are those of [the processor time](#processor-time-of-a-request).
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from benchmarks import load
from benchmarks.results import Measured
from benchmarks.rig import Rig, Service
from benchmarks.serving import Served
from benchmarks.tables import Table, against

TITLE = "HTTP, by the number of clients"
CLIENTS = (1, 8, 32, 64, 256)
ROUNDS = 2
SECONDS = 2
PATH = "/users/50"
FIGURES = {"rate": "requests/s", "p50": "ms", "p99": "ms", "errors": "requests"}


def measure(rig: Rig) -> Measured:
    """Measure on PostgreSQL with all numbers of clients, on MariaDB and SQLite with a few."""
    measured = Measured()
    if reason := load.missing():
        measured.left_out.append(reason)
        return measured
    for backend, clients in (("postgresql", CLIENTS), ("mariadb", (32, 256)), ("sqlite", (32, 256))):
        if reason := rig.missing(backend):
            measured.left_out.append(reason)
            continue
        title = rig.server(backend).title if backend != "sqlite" else "SQLite"
        if backend != "sqlite":
            measured.versions[title] = rig.server(backend).version
        services = [each for style in ("async", "sync") for each in rig.services(backend, style) if not each.prefix]
        add_loads(measured, rig, title, services, clients)
    return measured


def add_loads(  # noqa: PLR0913, PLR0917 - what a table is made of
    measured: Measured, rig: Rig, title: str, services: Sequence[Service], clients: Sequence[int], rounds: int = ROUNDS
) -> None:
    """Put the loads on the services in turn, and add a series for each figure."""
    values: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        running = {service.title: Served(service) for service in services}
        stack.callback(lambda: close(running.values()))
        for process in running.values():
            load.load(process, PATH, 32, 1)  # the first requests open connections and compile statements
        for _ in rig.rounds(rounds):
            for number in [32] if rig.quick else clients:
                for service in services:
                    found = load.load(running[service.title], PATH, number, 1 if rig.quick else SECONDS)
                    for figure in FIGURES:
                        values.setdefault((f"{title}, {number}, {figure}", service.title), []).append(
                            getattr(found, figure)
                        )
                    if found.errors or not found.rate:
                        running[service.title].close()
                        running[service.title] = Served(service)
    for (case, variant), numbers in values.items():
        measured.add(case, variant, FIGURES[case.split(", ")[-1]], numbers)


def close(running: Iterable[Served]) -> None:
    """End the services."""
    for each in running:
        each.close()


def tables(measured: Measured, others: Sequence[str] = ("limit", "plain")) -> list[Table]:
    """Return a table for each database: a line for each number of clients and service, against some of the others."""
    loads = list(dict.fromkeys(case.rpartition(", ")[0] for case in measured.cases()))
    databases = list(dict.fromkeys(each.split(", ")[0] for each in loads))
    head = ["clients", "service", "requests/s", "p50, ms", "p99, ms", "errors"]
    return [
        Table(
            head
            + [
                f"this / {other}" for other in others if other in {"plain", *measured.variants(f"{database}, 32, rate")}
            ],
            [line for each in loads if each.startswith(f"{database}, ") for line in rows(measured, each, others)],
            database,
        )
        for database in databases
    ]


def rows(measured: Measured, each: str, others: Sequence[str]) -> list[list[str]]:
    """Return the lines of a database and a number of clients."""
    lines = []
    for variant in measured.variants(f"{each}, rate"):
        found = {figure: measured.get(f"{each}, {figure}", variant) for figure in FIGURES}
        rate, p50, p99, errors = (one for one in found.values() if one)
        plain = f"plain, {'sync' if ' sync' in variant else 'async'}"
        ratios = [
            against(measured, (f"{each}, rate", variant), (f"{each}, rate", other))
            for other in (plain if other == "plain" else other for other in others)
            if measured.get(f"{each}, rate", other)
        ]
        cells = [f"{rate.median:,.0f}", f"{p50.median:,.1f}", f"{p99.median:,.1f}", f"{sum(errors.values):.0f}"]
        lines.append([each.split(", ")[1], variant, *cells, *ratios])
    return lines
