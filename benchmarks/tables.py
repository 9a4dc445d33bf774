"""Tables in Markdown."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.results import Measured


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        head: the titles of the columns; the first holds names, the others figures.
        rows: the cells.
        title: the line above it, empty for a table that is alone in its section.
    """

    head: list[str]
    rows: list[list[str]]
    title: str = ""

    def lines(self) -> Iterable[str]:
        """Return its lines, and an empty one."""
        if self.title:
            yield from (f"**{self.title}**", "")
        yield line(self.head)
        yield "|---" + "|--:" * (len(self.head) - 1) + "|"
        yield from (line(row) for row in self.rows)
        yield ""


def line(cells: Iterable[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


def against(measured: Measured, upper: tuple[str, str], lower: tuple[str, str]) -> str:
    """Return the ratio of two series, each named by case and variant, as a cell."""
    found = measured.ratio(upper, lower)
    return str(found) if found else "-"
