"""Plots as SVG, drawn by hand: text, bars and lines, and nothing that has to be loaded."""

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

WIDTH = 760
NAMES = 230
BAR, GAP = 22, 8
PLAIN, OURS = "#9aa5b1", "#1f6feb"
COLORS = {"limit": "#2da44e", "plain, async": "#9aa5b1", "plain, sync": "#57606a", "peer": "#bf8700"}
OURS_COLORS = {"ours, async": "#1f6feb", "ours, sync": "#8250df"}
STYLE = "text { font: 13px sans-serif; fill: #1f2328 } .title { font-weight: bold; font-size: 15px }"


def svg(height: int, parts: Sequence[str]) -> str:
    """Return a picture of these parts, on white, so that it can be read on any page."""
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    background = f'<rect width="{WIDTH}" height="{height}" fill="white"/>'
    return "\n".join(
        [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', f"<style>{STYLE}</style>", background, *parts, "</svg>\n"]
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> str:
    """Return a piece of text."""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def bars(title: str, values: Mapping[str, float], unit: str) -> str:
    """Return a bar for each name; ours in a colour of their own."""
    room = WIDTH - NAMES - 110
    highest = max(values.values())
    parts = [text(12, 24, title, kind="title")]
    for number, (name, value) in enumerate(values.items()):
        y = 42 + number * (BAR + GAP)
        width = value / highest * room
        color = OURS if "ours" in name else PLAIN
        parts += [
            text(NAMES - 8, y + 16, name, anchor="end"),
            f'<rect x="{NAMES}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{color}"/>',
            text(NAMES + width + 6, y + 16, f"{value:,.0f} {unit}"),
        ]
    return svg(42 + len(values) * (BAR + GAP) + 8, parts)


def lines(title: str, names: Sequence[str], series: Mapping[str, Sequence[float]], unit: str) -> str:
    """Return a line for each series over the names, from zero upwards."""
    left, top, bottom, right = 70, 44, 300, WIDTH - 130
    highest = rounded_up(max(max(values) for values in series.values()))
    xs = [left + (right - left) * number / max(len(names) - 1, 1) for number in range(len(names))]
    parts = [text(12, 24, f"{title}, {unit}", kind="title")]
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - share * (bottom - top)
        parts.append(f'<line x1="{left}" y1="{y:.0f}" x2="{right}" y2="{y:.0f}" stroke="#d0d7de"/>')
        parts.append(text(left - 8, y + 4, f"{highest * share:,.0f}", anchor="end"))
    parts += [text(x, bottom + 20, name, anchor="middle") for x, name in zip(xs, names, strict=True)]
    ends = label_places({name: bottom - values[-1] / highest * (bottom - top) for name, values in series.items()})
    for name, values in series.items():
        color = (COLORS | OURS_COLORS).get(name, PLAIN)
        points = [(x, bottom - value / highest * (bottom - top)) for x, value in zip(xs, values, strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        width = 3 if name in OURS_COLORS else 1.5
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>')
        parts.append(text(right + 8, ends[name] + 4, name))
        parts.append(f'<circle cx="{right}" cy="{points[-1][1]:.1f}" r="3" fill="{color}"/>')
    return svg(bottom + 36, parts)


def rounded_up(value: float) -> float:
    """Return the next number with one digit that is not zero."""
    unit = 10.0 ** int(log10(value)) if value >= 1 else 1.0
    return unit * -(-value // unit)


def label_places(wanted: Mapping[str, float]) -> dict[str, float]:
    """Move labels that would lie over each other down."""
    places: dict[str, float] = {}
    previous = -100.0
    for name, y in sorted(wanted.items(), key=lambda item: item[1]):
        previous = places[name] = max(y, previous + 15)
    return places
