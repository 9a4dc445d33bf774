"""Several processes serve one port: one that is killed under load costs the requests that it had, and no other."""

from collections.abc import Callable

from tests.live.cells import Cell
from tests.live.service import serve
from tests.live.workers import KILLS, kill_workers

WORKERS = 4


def test_killed_worker_costs_its_own_requests(cell: Cell, record_property: Callable[[str, object], None]) -> None:
    """Only the killed workers' clients get no answer; what was acknowledged is stored once, and others take over."""
    with serve(cell.project, workers=WORKERS) as client:
        figures = kill_workers(client, cell.jobs)
    record_property("figures", f"{KILLS} of {WORKERS} workers killed | {cell.backend} {cell.style} | {figures}")
