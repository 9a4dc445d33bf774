"""SQLite: threads that read, change and write eight rows, and readers over HTTP beside a writer.

`ours` writes through `run_in_transaction`, durable to a crash of the process; `plain` is a session on the driver's
defaults. A lost update is a commit whose change is not there. The writer beside the readers keeps each transaction
open for 20 ms.
"""

from concurrent.futures import ThreadPoolExecutor

from benchmarks import load
from benchmarks.results import Measured
from benchmarks.rig import Rig, versions
from benchmarks.serving import served
from benchmarks.suite.http import PATH
from benchmarks.tables import Table, against
from benchmarks.workers import worker

TITLE = "SQLite"
ROUNDS = 3
THREADS = 8
READERS = 64
HOLD_SECONDS = 0.02
WRITES = f"{THREADS} writers"
READS = f"{READERS} readers"
VARIANTS = ("ours", "plain")


def measure(rig: Rig) -> Measured:
    """Measure the writes of the synchronous service, and the reads of both."""
    project = rig.project("sqlite", "sync")
    measured = Measured(versions(project, ("sqlalchemy",)))
    measured.versions["SQLite"] = project.run(
        "python", "-c", "import sqlite3 as s; print(s.sqlite_version)"
    ).stdout.strip()
    seconds = 0.3 if rig.quick else 2
    values: dict[tuple[str, str, str], list[float]] = {}
    with worker(project, "sqlite_writes.py") as writers:
        for _ in rig.rounds(ROUNDS):
            for variant in VARIANTS:
                answer = writers.order(variant=variant, threads=THREADS, seconds=seconds, hold=0)
                values.setdefault((WRITES, variant, "commits/s"), []).append(answer["commits"] / seconds)
                for count in ("lost", "errors"):
                    values.setdefault((f"{WRITES}, {count}", variant, "updates"), []).append(answer[count])
    for style in ("async", "sync"):
        values |= read(rig, style)
    for (case, variant, unit), numbers in values.items():
        measured.add(case, variant, unit, numbers)
    if reason := load.missing():
        measured.left_out.append(reason)
    return measured


def read(rig: Rig, style: str) -> dict[tuple[str, str, str], list[float]]:
    """Return the slowest percent of the reads, alone and beside a writer."""
    values: dict[tuple[str, str, str], list[float]] = {}
    if load.missing():
        return values
    ours = rig.services("sqlite", style)[1]
    seconds = 1 if rig.quick else 2
    writing = {"variant": "ours", "threads": 1, "seconds": seconds + 0.5, "hold": HOLD_SECONDS}
    project = ours.project if style == "sync" else None
    with served(ours) as process, ThreadPoolExecutor(1) as pool:
        # Only the synchronous service has the script of the writer; it writes the file of the other one as well.
        url = {} if project else {"DATABASE_URL": f"sqlite:///{next(ours.project.folder.glob('*.db'))}"}
        with worker(rig.project("sqlite", "sync"), "sqlite_writes.py", env=url) as writer:
            load.load(process, PATH, 8, 1)  # the first requests open connections and compile statements
            for _ in rig.rounds(ROUNDS):
                for beside in ("alone", "beside a writer"):
                    busy = pool.submit(writer.order, **writing) if beside != "alone" else None
                    found = load.load(process, PATH, READERS, seconds)
                    if busy:
                        busy.result()
                    values.setdefault((READS, f"{style}, {beside}", "p99, ms"), []).append(found.p99)
                    values.setdefault((f"{READS}, rate", f"{style}, {beside}", "requests/s"), []).append(found.rate)
                    values.setdefault((f"{READS}, errors", f"{style}, {beside}", "requests"), []).append(found.errors)
    return values


def tables(measured: Measured) -> list[Table]:
    """Return a table of the writes and one of the reads."""
    writes = [
        [
            variant,
            f"{rate.median:,.0f}",
            *(
                f"{sum(found.values):.0f}" if (found := measured.get(f"{WRITES}, {count}", variant)) else "-"
                for count in ("lost", "errors")
            ),
            against(measured, (WRITES, variant), (WRITES, "plain")),
        ]
        for variant in VARIANTS
        if (rate := measured.get(WRITES, variant))
    ]
    reads = [
        [
            f"{variant}",
            *(
                f"{found.median:,.0f}" if (found := measured.get(case, variant)) else "-"
                for case in (f"{READS}, rate", READS, f"{READS}, errors")
            ),
            against(measured, (READS, variant), (READS, f"{variant.split(', ')[0]}, alone")),
        ]
        for variant in measured.variants(READS)
    ]
    return [
        Table(["", "commits/s", "lost updates", "errors", "this / plain"], writes, f"{WRITES} of {8} rows"),
        Table(["ours", "requests/s", "p99, ms", "errors", "p99 / alone"], reads, f"{READS}, HTTP"),
    ]
