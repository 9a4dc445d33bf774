"""What `docs/first-week.md` says of a service's first week is held by tests that exist."""

import re
from pathlib import Path

import pytest

from tests.template import BACKENDS, TEMPLATE, render

PAGE = (TEMPLATE / "docs" / "first-week.md").read_text(encoding="utf-8")
LINES = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")][1:]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render the service whose tests are named on the page."""
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
