"""What `docs/first-week.md` and `docs/around.md` say that was tried is held by tests that exist."""

import re
from pathlib import Path

import pytest

from tests.template import BACKENDS, TEMPLATE, render

PAGES = [(TEMPLATE / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("first-week", "around")]
CELLS = [line.strip("| ").split(" | ") for page in PAGES for line in page.splitlines() if line.startswith("| ")]
LINES = [line for line in CELLS if line[0] != "tried"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render the service whose tests are named on the pages."""
    return render(tmp_path_factory.mktemp("first-week"), database_backend="postgresql")


@pytest.mark.parametrize("line", LINES, ids=lambda line: re.sub(r"\W+", "-", line[0]))
def test_each_line_names_tests_that_exist(line: list[str], service: Path) -> None:
    """A test that is renamed or removed is noticed here."""
    assert len(line) == 4
    own, _, of_service = line[3].partition("service: ")
    named = [(root, *name) for root, text in ((TEMPLATE, own), (service, of_service)) for name in find_names(text)]
    assert named
    missing = [
        f"{path}::{name}" for root, path, name in named if f"def {name}(" not in (root / path).read_text("utf-8")
    ]
    assert missing == []


def find_names(text: str) -> list[tuple[str, str]]:
    """Return the file and the name of each test in a text."""
    return re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text)


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_service_is_told_to_have_its_own_environment(tmp_path: Path, backend: str) -> None:
    """Two services cannot be installed beside each other, and the README says so."""
    readme = (render(tmp_path, database_backend=backend) / "README.md").read_text(encoding="utf-8")
    assert "Each service needs an environment of its own" in readme
