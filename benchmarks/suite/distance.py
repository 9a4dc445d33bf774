"""`GET /users/{id}` under `wrk`, where the database is further away: 1 ms each way, added by a proxy.

Within one data centre it is 0.1 to 0.5 ms, between two of one region 1 ms and more. Each round trip then costs 2 ms.
A single client waits for each of them; with many clients the processor is busy meanwhile, and becomes the limit.
"""

from functools import partial

from benchmarks import load
from benchmarks.delay import DelayProxy
from benchmarks.results import Measured
from benchmarks.rig import Rig
from benchmarks.suite import http
from benchmarks.suite.round_trips import through

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
    with DelayProxy(server.host, server.port, SECONDS_EACH_WAY) as proxy:
        far = [through(service, proxy.port) for service in services]
        http.add_loads(measured, rig, server.title, far, CLIENTS, ROUNDS)
    return measured


tables = partial(http.tables, others=("plain", "peer"))
