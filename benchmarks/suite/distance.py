"""`GET /users/{id}` under `wrk`, where the database is further away: 1 ms each way, added by a proxy.

Within one data centre it is 0.1 to 0.5 ms, between two of one region 1 ms and more. Each round trip then costs 2 ms.
A single client waits for each of them; with many clients the processor is busy meanwhile, and becomes the limit.
"""

from contextlib import ExitStack
from itertools import product

from benchmarks import load
from benchmarks.delay import DelayProxy
from benchmarks.results import Measured
from benchmarks.rig import Rig
from benchmarks.serving import served
from benchmarks.suite.http import FIGURES, PATH
from benchmarks.suite.round_trips import through
from benchmarks.tables import Table, against

TITLE = "A database that is 1 ms away"
SECONDS_EACH_WAY = 0.001
ROUNDS = 3
CLIENTS = (1, 8, 32)


def measure(rig: Rig) -> Measured:
    """Measure on PostgreSQL."""
    measured = Measured()
    if reason := load.missing():
        measured.left_out.append(reason)
        return measured
    server = rig.server("postgresql")
    measured.versions[server.title] = server.version
    services = [each for style in ("async", "sync") for each in rig.services("postgresql", style) if not each.prefix]
    values: dict[tuple[str, str], list[float]] = {}
    with DelayProxy(server.host, server.port, SECONDS_EACH_WAY) as proxy, ExitStack() as stack:
        running = [stack.enter_context(served(through(service, proxy.port))) for service in services]
        for process in running:
            load.load(process, PATH, max(CLIENTS), 1)  # opens the connections, which takes many round trips
        for _ in rig.rounds(ROUNDS):
            for clients, process in product(CLIENTS, running):
                found = load.load(process, PATH, clients, 1 if rig.quick else 2)
                for figure in FIGURES:
                    key = case(clients, figure), process.service.title
                    values.setdefault(key, []).append(getattr(found, figure))
    for (name, variant), numbers in values.items():
        measured.add(name, variant, FIGURES[name.rpartition(", ")[2]], numbers)
    return measured


def case(clients: int, figure: str) -> str:
    """Return the name of a series of figures."""
    return f"{clients}, {figure}"


def tables(measured: Measured) -> list[Table]:
    """Return one table."""
    head = ["clients", "service", "requests/s", "p50, ms", "p99, ms", "errors", "this / plain", "this / peer"]
    rows = []
    for clients, variant in product(CLIENTS, measured.variants()):
        rate, p50, p99, errors = (one for figure in FIGURES if (one := measured.get(case(clients, figure), variant)))
        plain = f"plain, {'sync' if ' sync' in variant else 'async'}"
        ratios = [against(measured, (rate.case, variant), (rate.case, other)) for other in (plain, "peer")]
        cells = [f"{rate.median:,.0f}", f"{p50.median:,.1f}", f"{p99.median:,.1f}", f"{sum(errors.values):.0f}"]
        rows.append([str(clients), variant, *cells, *ratios])
    return [Table(head, rows)]
