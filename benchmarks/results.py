"""What was measured: series of values, one a round, and the ratios of two series round by round."""

import json
import re
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Series:
    """The values of one variant in one case, one for each interleaved round."""

    case: str
    variant: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.values)


@dataclass(frozen=True)
class Ratio:
    """The quotient of two series: the median of the rounds, and the lowest and the highest of them."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        """Write it as `0.45 (0.41 to 0.48)`, and as `0.45` where all rounds agree."""
        if self.low == self.high:
            return f"{self.median:.2f}"
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(upper: Series, lower: Series) -> Ratio | None:
    """Return how the two relate, each round by itself; None where a round has a zero below.

    What else the machine did in a round met both, so it weighs less than in the quotient of the medians.
    """
    if not all(lower.values):
        return None
    rounds = [above / below for above, below in zip(upper.values, lower.values, strict=True)]
    return Ratio(statistics.median(rounds), min(rounds), max(rounds))


@dataclass
class Measured:
    """What one benchmark has measured, and with which versions.

    Attributes:
        versions: of the programs and packages that took part, by name.
        series: all of them; no two have the same case and variant.
        left_out: what could not be measured here, a sentence each.
    """

    versions: dict[str, str] = field(default_factory=dict)
    series: list[Series] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, case: str, variant: str, unit: str, values: Iterable[float]) -> None:
        """Add a series."""
        self.series.append(Series(case, variant, unit, tuple(round(value, 6) for value in values)))

    def get(self, case: str, variant: str) -> Series | None:
        """Return a series; None where it was not measured."""
        return next((one for one in self.series if (one.case, one.variant) == (case, variant)), None)

    def cases(self) -> list[str]:
        """Return the cases, each once, in the order in which they were measured."""
        return list(dict.fromkeys(one.case for one in self.series))

    def variants(self, case: str | None = None) -> list[str]:
        """Return the variants, of one case or of all, each once."""
        return list(dict.fromkeys(one.variant for one in self.series if case in (None, one.case)))

    def ratio(self, upper: tuple[str, str], lower: tuple[str, str]) -> Ratio | None:
        """Return how two series, named by case and variant, relate; None where one was not measured."""
        above, below = self.get(*upper), self.get(*lower)
        return ratio(above, below) if above and below else None


@dataclass
class Run:
    """One benchmark's result, with the day and the machine."""

    measured: Measured
    date: str
    machine: str
    seconds: float


def load(path: Path) -> dict[str, Run]:
    """Read what was measured before; nothing where there is no such file."""
    if not path.exists():
        return {}
    return {name: _run(entry) for name, entry in json.loads(path.read_text(encoding="utf-8")).items()}


def _run(entry: Mapping[str, Any]) -> Run:
    measured = entry["measured"]
    series = [Series(**(one | {"values": tuple(one["values"])})) for one in measured["series"]]
    return Run(**(dict(entry) | {"measured": Measured(**(measured | {"series": series}))}))


def save(path: Path, runs: Mapping[str, Run]) -> None:
    """Write what was measured, with a series' values on one line, so that a new run is a diff that can be read."""
    text = json.dumps({name: asdict(run) for name, run in runs.items()}, indent=1, ensure_ascii=False)
    one_line = re.sub(r"\[\s+([-\d.,e\s]+?)\s+\]", lambda numbers: f"[{' '.join(numbers[1].split())}]", text)
    path.write_text(one_line + "\n", encoding="utf-8")
