"""Writes the page of the benchmarks, and its plots, from what was measured."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks import goals, plots
from benchmarks.results import Run, load
from benchmarks.suite import SUITE

DATA, PAGE, PICTURES = "benchmarks.json", "benchmarks.md", "plots"
HEAD = """\
# Benchmarks

`make benchmarks` renders services, installs each in an environment of its own, starts private database servers,
measures everything below in half an hour, and writes this page, its plots and the values behind them
([benchmarks.json](benchmarks.json)). `make benchmarks ONLY="processor http"` measures a part again. It needs `wrk`,
Valgrind and the servers of [the tests](../CONTRIBUTING.md#real-servers); what cannot be run is left out and named.

What is compared takes turns, round by round, on the same machine at the same time. A ratio is made in each round; a
cell gives the median of the rounds, and in brackets the lowest and the highest. Trust the ratios more than the times:
those are of a small shared machine. No test fails on a time. What *plain*, *limit* and *peer* are is said at
[the processor time](#processor-time-of-a-request).
"""
REASONS = """\
What keeps a figure from being reached:

- **Processor time, and requests a second against the limit.** Of the 2.2 million
  [instructions](#instructions-of-a-request) of an asynchronous GET, FastAPI takes 0.7, SQLAlchemy's engine 0.55, its
  session 0.2, its object 0.2, psycopg 0.25, and the service's three middlewares 0.1: counted by leaving out one part
  after the other. Plain takes 2.5 million, so without these middlewares the ratio would still be 1.2.
  [The hot path](hot-path.md) leaves out the session and the object. An endpoint is faster only without SQLAlchemy.
- **1 ms away.** With one client, even the limit answers only 2.4 times as many requests as plain: its own work and the
  proxy's take longer than the distance. With more clients the processors are busy, not the network: the proxy takes
  one of the two, and lets about 2,100 requests a second through, where the limit stops. What a distance multiplies is
  [round trips](#round-trips-of-a-request), one against three.
- **SQLite against plain.** Plain counts commits that overwrite the change of another thread: see its lost updates. And
  the factor depends on how long the disk takes to sync, which plain waits for at each commit.
- **Rendering.** Cookiecutter compiles each file. Without any tag and without hooks, the files of a service take 1.7
  times the instructions of one file.
"""


def page(runs: Mapping[str, Run]) -> str:
    """Return the text of the page."""
    lines = [HEAD, "## What is to be reached", "", *goals.table(runs).lines(), REASONS]
    for name, module in SUITE.items():
        if name in runs:
            lines += section(name, module.TITLE, module.__doc__ or "", runs[name])
            lines += [f"![{title}]({PICTURES}/{file})\n" for file, title in pictures_of(name)]
            for table in module.tables(runs[name].measured):
                lines += table.lines()
    return "\n".join(lines)


def section(name: str, title: str, text: str, run: Run) -> Iterable[str]:
    """Return the lines before the tables of a benchmark."""
    yield from (f"## {title}", "", text.strip(), "")
    versions = ", ".join(f"{package} {version.split(' ')[0]}" for package, version in run.measured.versions.items())
    yield f"{run.machine}; {versions}; {run.date}. `make benchmarks ONLY={name}`, {run.seconds:.0f} s."
    yield from (f"Left out: {sentence}" for sentence in run.measured.left_out)
    yield ""


def pictures_of(name: str) -> list[tuple[str, str]]:
    """Return the files and titles of the plots of a benchmark."""
    return {
        "round_trips": [("round-trips.svg", "Round trips of a GET")],
        "processor": [("processor.svg", "Processor time of a GET")],
        "http": [("http.svg", "Requests a second by the number of clients")],
    }.get(name, [])


def pictures(runs: Mapping[str, Run]) -> dict[str, str]:
    """Return the plots by the names of their files."""
    found: dict[str, str] = {}
    if "round_trips" in runs:
        series = [one for one in runs["round_trips"].measured.series if one.case == "GET"]
        found["round-trips.svg"] = plots.bars(
            "Round trips to the database of GET /users/{id}",
            {one.variant.replace(" |", ","): one.median for one in series},
            "",
        )
    if "processor" in runs:
        series = [one for one in runs["processor"].measured.series if one.case == "GET"]
        found["processor.svg"] = plots.bars(
            "Processor time of GET /users/{id}, PostgreSQL", {one.variant: one.median for one in series}, "µs"
        )
    if "http" in runs and runs["http"].measured.series:
        measured = runs["http"].measured
        cases = [case for case in measured.cases() if case.startswith("PostgreSQL") and case.endswith("rate")]
        found["http.svg"] = plots.lines(
            "GET /users/{id}, PostgreSQL, by the number of clients",
            [case.split(", ")[1] for case in cases],
            {
                name: [one.median for case in cases if (one := measured.get(case, name))]
                for name in measured.variants(cases[0])
            },
            "requests/s",
        )
    return found


def write(folder: Path) -> None:
    """Write the page and the plots into a folder that has the values."""
    runs = load(folder / DATA)
    (folder / PAGE).write_text(page(runs), encoding="utf-8")
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    for name, picture in pictures(runs).items():
        (folder / PICTURES / name).write_text(picture, encoding="utf-8")
