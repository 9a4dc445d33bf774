"""Collect the pages of the site: the README, `docs/`, and what a contributor reads.

    scripts/pages.py [FOLDER]

Without a folder, the pages go to `.site/pages`, as with `make site`. A link to a file that is no page becomes plain
text. A link to a file that does not exist ends the script with one sentence; a link to a heading that does not exist
ends the build.
"""

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

TEMPLATE = Path(__file__).resolve().parents[1]
FRONT = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
RENDERED = "docs/rendered"
# A link or a picture, except one in inline code.
LINK = re.compile(r"(?<!`)(!?)\[([^\[\]]*)\]\((?!https?://|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def places() -> dict[str, str]:
    """Return where each file of the repository is on the site, both as paths from the top."""
    docs = {str(path.relative_to(TEMPLATE)) for path in (TEMPLATE / "docs").rglob("*") if path.is_file()}
    kept = {path: path.removeprefix("docs/") for path in docs if not path.startswith(f"{RENDERED}/")}
    return FRONT | kept | {RENDERED: "rendered.md"}


def relink(text: str, source: str, known: Mapping[str, str]) -> str:
    """Return the text of a page with the links that it has on the site.

    Args:
        text: what the file holds.
        source: the file, as a path from the repository's top.
        known: where each file is on the site.

    Raises:
        SystemExit: a link leads to a file that does not exist.
    """

    def link(found: re.Match[str]) -> str:
        mark, label, target, anchor = found.groups()
        path = normpath(PurePosixPath(source).parent / target)
        if not (TEMPLATE / path).exists():
            sys.exit(f"{source}: there is no {path}; correct the link to {target}")
        if path not in known:
            return str(label)
        place = relpath(known[path], PurePosixPath(known[source]).parent)
        return f"{mark}[{label}]({place}{anchor or ''})"

    parts = FENCE.split(text)
    return "".join(part if part.startswith("```") else LINK.sub(link, part) for part in parts)


def rendered() -> str:
    """Return the page of the rendered modules, one for each database and style."""
    parts = ["# Rendered", "`packages/database/config.py` of a service, as the template renders it today."]
    for path in sorted((TEMPLATE / RENDERED).glob("*.py")):
        parts += [f"## {path.stem}", f"```python\n{path.read_text(encoding='utf-8')}```"]
    return "\n\n".join(parts) + "\n"


def write_pages(folder: Path) -> None:
    """Write all pages and the files that they show to a folder, in place of what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    known = places()
    for source, place in known.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if source == RENDERED:
            path.write_text(rendered(), encoding="utf-8")
        elif source.endswith(".md"):
            text = (TEMPLATE / source).read_text(encoding="utf-8")
            path.write_text(relink(text, source, known), encoding="utf-8")
        else:
            shutil.copy(TEMPLATE / source, path)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]) if len(sys.argv) > 1 else TEMPLATE / ".site" / "pages")
