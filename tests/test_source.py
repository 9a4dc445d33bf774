"""The template's source reads as well as what it renders: control tags are few, in all of it and in each file."""

from pathlib import Path

from tests.template import TEMPLATE

SERVICE = TEMPLATE / "{{cookiecutter.project_slug}}"
BACKENDS = TEMPLATE / "templates" / "backends"  # blocks of facts: a tag in front of each is what they are
SOURCES = sorted(
    path
    for folder in (SERVICE, TEMPLATE / "templates")
    for path in folder.rglob("*")
    if path.is_file() and BACKENDS not in path.parents
)
MOST_IN_A_FILE = 19
MOST_PER_100_LINES = 5.5


def tags(path: Path) -> int:
    """Return the number of control tags in a file."""
    return path.read_text(encoding="utf-8").count("{%")


def test_a_file_has_few_control_tags() -> None:
    """A contributor reads a file as the text that it is, with fewer than twenty tags for what it may lack."""
    assert {str(path): tags(path) for path in SOURCES if tags(path) > MOST_IN_A_FILE} == {}


def test_the_source_has_few_control_tags() -> None:
    """In a hundred lines that are no facts of a database, there are five tags, rounded."""
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES)
    assert 100 * sum(map(tags, SOURCES)) / lines < MOST_PER_100_LINES
