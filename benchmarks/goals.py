"""What is to be reached, and what was."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from benchmarks.results import Measured, Ratio, Run
from benchmarks.suite import bulk_insert, distance, imports, pages, rendering, sqlite
from benchmarks.tables import Table

Figure = float | Ratio | None


@dataclass(frozen=True)
class Goal:
    """A figure to be reached.

    Attributes:
        text: what is measured, against what.
        benchmark: the name of the benchmark.
        figure: takes what was measured and returns the figure; None where it was not measured.
        bound: what is to be reached.
        at_most: whether less is better.
    """

    text: str
    benchmark: str
    figure: Callable[[Measured], Figure]
    bound: float
    at_most: bool = False

    def row(self, runs: Mapping[str, Run]) -> list[str]:
        """Return its line of the table."""
        figure = self.figure(runs[self.benchmark].measured) if self.benchmark in runs else None
        bound = f"{'at most' if self.at_most else 'at least'} {self.bound:g}"
        if figure is None:
            return [self.text, bound, "not measured", "-"]
        value = figure.median if isinstance(figure, Ratio) else figure
        reached = value <= self.bound if self.at_most else value >= self.bound
        return [
            self.text,
            bound,
            str(figure) if isinstance(figure, Ratio) else f"{figure:g}",
            "yes" if reached else "no",
        ]


def ratio(upper: tuple[str, str], lower: tuple[str, str]) -> Callable[[Measured], Figure]:
    """Return a figure that is the ratio of two series, each named by case and variant."""
    return lambda measured: measured.ratio(upper, lower)


def highest(case: str, prefix: str) -> Callable[[Measured], Figure]:
    """Return a figure that is the highest value of a case, of all variants whose names begin so."""

    def figure(measured: Measured) -> Figure:
        values = [
            value
            for one in measured.series
            if one.case == case and one.variant.startswith(prefix)
            for value in one.values
        ]
        return max(values, default=None)

    return figure


def errors(clients: Iterable[int]) -> Callable[[Measured], Figure]:
    """Return a figure that is the number of failed requests of our services, on all databases."""

    def figure(measured: Measured) -> Figure:
        cases = [f", {number}, errors" for number in clients]
        found = [
            sum(one.values)
            for one in measured.series
            if one.variant.startswith("ours") and any(one.case.endswith(case) for case in cases)
        ]
        return sum(found) if found else None

    return figure


def rate(clients: int, variant: str) -> tuple[str, str]:
    """Return the name of a rate on PostgreSQL."""
    return f"PostgreSQL, {clients}, rate", variant


def p99(clients: int, variant: str) -> tuple[str, str]:
    """Return the name of a slowest percent on PostgreSQL."""
    return f"PostgreSQL, {clients}, p99", variant


GOALS = [
    Goal("Round trips of a GET, three servers", "round_trips", highest("GET", "ours, "), 1, at_most=True),
    Goal("Round trips of a PATCH, three servers", "round_trips", highest("PATCH", "ours, "), 4, at_most=True),
    *(
        Goal(
            f"Processor time, GET, {style}: {other} / ours",
            "processor",
            ratio(("GET", name), ("GET", f"ours, {style}")),
            bound,
        )
        for style, other, name, bound in (
            ("async", "limit", "limit", 0.40),
            ("async", "plain", "plain, async", 1.4),
            ("sync", "limit", "limit", 0.27),
            ("sync", "plain", "plain, sync", 1.5),
        )
    ),
    Goal(
        "Requests/s, 32 clients, async: ours / limit", "http", ratio(rate(32, "ours, async"), rate(32, "limit")), 0.45
    ),
    *(
        Goal(
            f"Requests/s, {style}: {clients} clients / 32 clients",
            "http",
            ratio(rate(clients, f"ours, {style}"), rate(32, f"ours, {style}")),
            0.9,
        )
        for style in ("async", "sync")
        for clients in (64, 256)
    ),
    Goal("Failed requests of ours, 64 and 256 clients", "http", errors((64, 256)), 0, at_most=True),
    *(
        Goal(
            f"Slowest percent, {clients} clients: ours, async / peer",
            "http",
            ratio(p99(clients, "ours, async"), p99(clients, "peer")),
            0.5,
            at_most=True,
        )
        for clients in (32, 64, 256)
    ),
    *(
        Goal(
            f"1 ms away, {clients} client{'s' * (clients > 1)}, async: ours / {name}",
            "distance",
            ratio(rate(clients, "ours, async"), rate(clients, other)),
            bound,
        )
        for clients in distance.CLIENTS
        for name, other, bound in (("plain", "plain, async", 3), ("peer", "peer", 2))
    ),
    Goal(
        "SQLite, read-modify-write: ours / plain",
        "sqlite",
        ratio((sqlite.WRITES, "ours"), (sqlite.WRITES, "plain")),
        6,
    ),
    *(
        Goal(
            f"SQLite, slowest percent of 64 readers, {style}: beside a writer / alone",
            "sqlite",
            ratio((sqlite.READS, f"{style}, beside a writer"), (sqlite.READS, f"{style}, alone")),
            2,
            at_most=True,
        )
        for style in ("async", "sync")
    ),
    *(
        Goal(
            f"Insert of 100,000 rows: ours / {raw}",
            "bulk_insert",
            ratio((bulk_insert.CASE, bulk_insert.OURS), (bulk_insert.CASE, raw)),
            1.5,
            at_most=True,
        )
        for raw in ("executemany", "COPY")
    ),
    Goal("Page 10,000 / page 1", "pages", ratio((pages.API, pages.LAST), (pages.API, pages.FIRST)), 1.2, at_most=True),
    *(
        Goal(
            f"Import of the database module, {backend}, {style} / its imports",
            "imports",
            ratio((f"{backend}, {style}", imports.OURS), (f"{backend}, {style}", imports.OTHERS)),
            1.1,
            at_most=True,
        )
        for backend, style in imports.CELLS
    ),
    *(
        Goal(
            f"Rendering: ours / {other}",
            "rendering",
            ratio((rendering.CASE, rendering.OURS), (rendering.CASE, other)),
            bound,
            at_most=True,
        )
        for other, bound in ((rendering.ONE_FILE, 1.25), (rendering.PEER, 1), ("cookiecutter-uv", 1))
    ),
]


def table(runs: Mapping[str, Run]) -> Table:
    """Return the table of all goals."""
    return Table(["", "to reach", "measured", "reached"], [goal.row(runs) for goal in GOALS])
