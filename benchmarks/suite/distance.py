"""`GET /users/{id}` under `wrk`, 32 clients, where the database is further away: 1 ms each way, added by a proxy.

Within one data centre it is 0.1 to 0.5 ms, between two of one region 1 ms and more. Each round trip then costs 2 ms.
"""

from contextlib import ExitStack

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
CLIENTS = 32


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
            load.load(process, PATH, CLIENTS, 1)  # opens the connections, which takes many round trips
        for _ in rig.rounds(ROUNDS):
            for process in running:
                found = load.load(process, PATH, CLIENTS, 1 if rig.quick else 2)
                for figure in FIGURES:
                    values.setdefault((figure, process.service.title), []).append(getattr(found, figure))
    for (figure, variant), numbers in values.items():
        measured.add(figure, variant, FIGURES[figure], numbers)
    return measured


def tables(measured: Measured) -> list[Table]:
    """Return one table."""
    head = ["", "requests/s", "p50, ms", "p99, ms", "errors", "this / plain", "this / peer"]
    rows = []
    for variant in measured.variants("rate"):
        rate, p50, p99, errors = (one for figure in FIGURES if (one := measured.get(figure, variant)))
        plain = f"plain, {'sync' if ' sync' in variant else 'async'}"
        ratios = [against(measured, ("rate", variant), ("rate", other)) for other in (plain, "peer")]
        cells = [f"{rate.median:,.0f}", f"{p50.median:,.1f}", f"{p99.median:,.1f}", f"{sum(errors.values):.0f}"]
        rows.append([variant, *cells, *ratios])
    return [Table(head, rows)]
