"""Round trips to the database for each request, counted by a proxy between the service and the server.

A round trip is whatever the service sends before the server answers. The count has no noise, so it is the figure to
trust; a network between the two multiplies it. The connections are warm: opening one is not counted, nor is preparing
a statement on it, one round trip after its fifth execution.
"""

import json
import time
from dataclasses import replace

from sqlalchemy import make_url

from benchmarks.results import Measured
from benchmarks.rig import Rig, Service
from benchmarks.serving import Request, Served, served
from benchmarks.tables import Table
from tests.live.proxy import CountingProxy
from tests.template import STYLES

TITLE = "Round trips of a request"
BACKENDS = ("postgresql", "mariadb", "mysql")
TIMES, WARM_UP = 5, 8
# The usual tutorial gives its connection back after the answer, so that the last round trip comes late.
SETTLE_SECONDS = 0.05
EMAIL = "trip-{number}@example.com"
REQUESTS = {
    "GET": Request("GET", "/users/{number}"),
    "GET list": Request("GET", "/users"),
    "POST": Request("POST", "/users", {"email": EMAIL, "name": "Trip {number}"}),
    "PATCH": Request("PATCH", "/users/{number}", {"name": "Name {new}"}),
    "DELETE": Request("DELETE", "/users/{number}"),
}
# What the others serve.
SHARED = ("GET", "GET list", "PATCH")


def measure(rig: Rig) -> Measured:
    """Count on every server that can be run here."""
    measured = Measured()
    for backend in BACKENDS:
        if reason := rig.missing(backend):
            measured.left_out.append(reason)
            continue
        server = rig.server(backend)
        measured.versions[server.title] = server.version
        services = [service for style in STYLES for service in rig.services(backend, style)]
        for service in services:
            with CountingProxy(server.host, server.port) as proxy, served(through(service, proxy.port)) as process:
                for name, counts in count(process, proxy, list(REQUESTS) if is_ours(service) else SHARED).items():
                    measured.add(name, f"{service.title} | {server.title}", "round trips", counts)
    return measured


def is_ours(service: Service) -> bool:
    """Tell whether a service has all of our path operations."""
    return service.title.startswith("ours") and not service.prefix


def through(service: Service, port: int) -> Service:
    """Return a service that reaches its database through another port of this machine."""
    if "PEER_SERVICE_DB_PORT" in service.project.env:
        return replace(service, env={"PEER_SERVICE_DB_PORT": str(port)})
    url = make_url(service.project.env["DATABASE_URL"]).set(port=port)
    return replace(service, env=service.env | {"DATABASE_URL": url.render_as_string(hide_password=False)})


def count(process: Served, proxy: CountingProxy, names: tuple[str, ...] | list[str]) -> dict[str, list[int]]:
    """Return the round trips of some requests of each kind; the first ones open connections and prepare statements."""
    counts: dict[str, list[int]] = {name: [] for name in names if not (process.service.prefix and name == "PATCH")}
    for name, found in counts.items():
        request = REQUESTS[name]
        created: list[int] = []
        if name == "DELETE":
            created = [json.loads(process.ask(REQUESTS["POST"], number))["id"] for number in range(WARM_UP + TIMES)]
        for number in range(WARM_UP + TIMES):
            asked = replace(request, path=f"/users/{created[number]}") if created else request
            proxy.take()
            answer = process.ask(asked, number)
            time.sleep(SETTLE_SECONDS)
            if number >= WARM_UP:
                found.append(proxy.take())
            if name == "POST":
                process.ask(Request("DELETE", f"/users/{json.loads(answer)['id']}"))
    return counts


def tables(measured: Measured) -> list[Table]:
    """Return one table: the services of each database below each other."""
    rows = [
        [*variant.split(" | ")[::-1], *(cell(measured, case, variant) for case in REQUESTS)]
        for variant in measured.variants()
    ]
    return [Table(["", "", *REQUESTS], rows)]


def cell(measured: Measured, case: str, variant: str) -> str:
    """Return the number of round trips; all numbers, where a request was not always the same."""
    series = measured.get(case, variant)
    return " or ".join(f"{count:.0f}" for count in sorted(set(series.values))) if series else "-"
