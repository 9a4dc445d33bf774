"""The benchmarks measure what they say. None of these tests depends on a time."""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import load, report
from benchmarks.delay import DelayProxy
from benchmarks.goals import GOALS, Goal, errors, table
from benchmarks.results import Measured, Run, Series, ratio, save
from benchmarks.results import load as load_runs
from benchmarks.suite import SUITE, sqlite
from tests.template import TEMPLATE, plain_environment

DOCS = TEMPLATE / "docs"
MINUTES = 15


def test_the_page_says_what_was_measured() -> None:
    """The page and its plots are those of the values beside them."""
    runs = load_runs(DOCS / report.DATA)
    assert runs, "run `make benchmarks`"
    assert list(runs) == list(SUITE)
    assert (DOCS / report.PAGE).read_text(encoding="utf-8") == report.page(runs)
    plots = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / report.PICTURES).iterdir()}
    assert plots == report.pictures(runs)


def try_out(folder: Path, *names: str) -> dict[str, Run]:
    """Run benchmarks once with few requests, and return what they measured."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *names, "--quick", "--output", str(folder)],
        cwd=TEMPLATE,
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=MINUTES * 60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return load_runs(folder / report.DATA)


def check(folder: Path, runs: dict[str, Run]) -> None:
    """Check that each has measured something, and that the page says so."""
    page = (folder / report.PAGE).read_text(encoding="utf-8")
    for name, run in runs.items():
        assert SUITE[name].TITLE in page
        assert run.measured.series or run.measured.left_out, name
        assert all(value >= 0 for one in run.measured.series for value in one.values), name
    for path in (folder / report.PICTURES).iterdir():
        assert ET.parse(path).getroot().tag.endswith("svg")  # noqa: S314 - our own


def test_a_part_can_be_measured(tmp_path: Path) -> None:
    """A trial run of some benchmarks measures these and no others, and SQLite loses no update."""
    runs = try_out(tmp_path, "rendering", "sqlite")
    assert sorted(runs) == ["rendering", "sqlite"]
    check(tmp_path, runs)
    lost = runs["sqlite"].measured.get(f"{sqlite.WRITES}, lost", "ours")
    assert lost
    assert lost.values == (0.0,)


@pytest.mark.slow
def test_every_benchmark_can_be_run(tmp_path: Path) -> None:
    """A trial run measures each benchmark once, its counts are exact, and no request of ours fails."""
    runs = try_out(tmp_path)
    assert list(runs) == list(SUITE)
    check(tmp_path, runs)
    ours = [one for one in runs["round_trips"].measured.series if one.variant.startswith("ours")]
    assert ours
    for one in ours:
        assert len(set(one.values)) == 1, f"{one} is no exact count"
    failed = errors([32])(runs["http"].measured)
    assert not failed


def test_ratios_are_made_round_by_round() -> None:
    """What disturbs a round disturbs both sides of its ratio, so the ratio stays; a zero below gives none."""
    upper, lower = Series("GET", "a", "µs", (10.0, 40.0, 12.0)), Series("GET", "b", "µs", (5.0, 20.0, 4.0))
    assert str(ratio(upper, lower)) == "2.00 (2.00 to 3.00)"
    assert ratio(upper, Series("GET", "b", "µs", (5.0, 0.0, 4.0))) is None


def test_values_come_back_as_they_were_saved(tmp_path: Path) -> None:
    """What is saved is what is loaded, and a series is one line of the file."""
    measured = Measured({"Python": "3.13.0"}, left_out=["MySQL is not here."])
    measured.add("GET", "ours", "µs", [1.5, 2e-06, 3])
    runs = {"processor": Run(measured, "2026-01-01", "2 cores", 7)}
    save(tmp_path / "values.json", runs)
    assert load_runs(tmp_path / "values.json") == runs
    assert '"values": [1.5, 2e-06, 3]' in (tmp_path / "values.json").read_text(encoding="utf-8")


def test_a_goal_that_was_not_reached_is_named() -> None:
    """The table of goals says yes, no, or that nothing was measured."""
    measured = Measured()
    measured.add("GET", "ours", "round trips", [4, 4])

    def row(bound: float, benchmark: str = "round_trips") -> list[str]:
        goal = Goal("GET", benchmark, lambda measured: measured.series[0].median, bound, at_most=True)
        return goal.row({"round_trips": Run(measured, "", "", 0)})

    assert row(4) == ["GET", "at most 4", "4", "yes"]
    assert row(3) == ["GET", "at most 3", "4", "no"]
    assert row(3, "http") == ["GET", "at most 3", "not measured", "-"]
    assert len(table({}).rows) == len(GOALS)


def test_every_goal_names_something_that_is_measured() -> None:
    """No goal is missed for a name that no benchmark uses; templates that the environment names may be absent."""
    runs = load_runs(DOCS / report.DATA)
    rows = [goal.row(runs) for goal in GOALS if goal.benchmark in runs]
    assert [row[0] for row in rows if row[2] == "not measured" and "cookiecutter-uv" not in row[0]] == []


REPORT = """\
    Latency    54.09ms   44.51ms 345.86ms   86.45%
  Latency Distribution
     50%   38.03ms
     99%    1.20s
  3913 requests in 3.01s, 1.12MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 5
Requests/sec:   1300.04
"""


def test_the_report_of_wrk_is_read() -> None:
    """Every kind of error counts, and times are milliseconds; another text is no run without errors."""
    assert load.read(REPORT) == load.Load(rate=1300.04, p50=38.03, p99=1200.0, errors=15)
    with pytest.raises(ValueError, match="not a report"):
        load.read("unable to connect")


def test_the_delay_is_on_each_way() -> None:
    """What goes through the proxy comes back as it was, and not before the delay of both ways."""
    with socket.create_server(("127.0.0.1", 0)) as echo:

        def serve() -> None:
            connection, _ = echo.accept()
            with connection:
                while data := connection.recv(100):
                    connection.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        with (
            DelayProxy("127.0.0.1", echo.getsockname()[1], 0.02) as proxy,
            socket.create_connection(("127.0.0.1", proxy.port)) as client,
        ):
            begun = time.monotonic()
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"
            assert time.monotonic() - begun >= 0.04
