"""Instructions of the processor that `GET /users/{id}` takes in the service's process, in thousands.

Valgrind counts them, so a busy machine changes nothing: two runs differ by a hundredth. The application is called
without a server in front of it. What the kernel does is not counted. With `32 at once` and more, requests wait for a
connection; 256 would wait for longer than plain and the peer let them. Plain and the peer open connections above the
size of their pools and close them again, and the proof of a password costs as much as several requests. Asynchronous
services on PostgreSQL, named as in [the processor time](#processor-time-of-a-request).
"""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from itertools import product

from benchmarks.results import Measured
from benchmarks.rig import HERE, Rig, Service, versions
from benchmarks.suite.processor import rows
from benchmarks.tables import Table
from tests.template import run

TITLE = "Instructions of a request"
CASES = {"one at a time": 1, "32 at once": 32, "256 at once": 256}
MOST_FOR_ALL = 32
PATIENT_SERVICES = {"limit", "ours, async"}
FEW = 32
MORE = 128
PACKAGES = ("fastapi", "pydantic", "sqlalchemy", "psycopg", "asyncpg")
# Under Valgrind, everything takes fifty times as long.
PATIENT = {
    "DATABASE_CONNECT_TIMEOUT_SECONDS": "60",
    "DATABASE_POOL_TIMEOUT_SECONDS": "300",
    "PYTHONHASHSEED": "0",
}


def measure(rig: Rig) -> Measured:
    """Measure on PostgreSQL."""
    measured = Measured()
    if shutil.which("valgrind") is None:
        measured.left_out.append("valgrind is not installed.")
        return measured
    services = rig.services("postgresql", "async")
    work = [
        (case, service)
        for case, service in product(CASES, services)
        if CASES[case] <= MOST_FOR_ALL or service.title in PATIENT_SERVICES
    ]
    work = work[: rig.amount(len(work))]
    with ThreadPoolExecutor(2) as pool:
        counts = pool.map(lambda each: of_a_request(each[1], CASES[each[0]]), work)
        for (case, service), count in zip(work, counts, strict=True):
            measured.add(case, service.title, "k", [count / 1000])
    measured.versions = versions(rig.project("postgresql", "async"), PACKAGES)
    return measured


def of_a_request(service: Service, at_once: int) -> float:
    """Return the instructions of a request: what a run with more takes more than one with few; both start once."""
    few, more = max(FEW, at_once), max(MORE, at_once)
    instructions(service, few, at_once)  # compiles what it imports
    return (instructions(service, few + more, at_once) - instructions(service, few, at_once)) / more


def instructions(service: Service, count: int, at_once: int) -> int:
    """Return how many instructions a process takes that starts and answers so many requests."""
    counted = run(
        *("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"),
        *(service.project.bin / "python", HERE / "inside" / "instructions.py"),
        *(service.app.partition(":")[0], f"{service.prefix}/users", str(count), str(at_once)),
        cwd=service.project.folder,
        env={**service.project.env, **service.env, **PATIENT},
    )
    [found] = re.findall(r"I\s+refs:\s+([\d,]+)", counted.stderr)
    return int(found.replace(",", ""))


def tables(measured: Measured) -> list[Table]:
    """Return a table for each number of requests at once."""
    return [
        Table(["", "thousand", "limit / this", "plain / this"], rows(measured, case), case) for case in measured.cases()
    ]
