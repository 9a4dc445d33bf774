"""A service works on the newest versions of Python, which its pipeline and its image name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.databases import Database, live_cells
from tests.live.test_services import check_own_tests
from tests.template import NEWEST_PYTHONS, in_turns, install, render

# Each version on each database, and each cell once.
CELLS = [
    (python, backend, style)
    for number, python in enumerate(NEWEST_PYTHONS)
    for backend, style in in_turns(live_cells(), other=number % 2 == 0)
]


@pytest.mark.parametrize(("python", "backend", "style"), CELLS)
def test_service_works_on_the_newest_pythons(  # noqa: PLR0913, PLR0917 - what pytest gives
    tmp_path: Path,
    get_database: Callable[[str], Database],
    record_property: Callable[[str, object], None],
    database_name: str,
    python: str,
    backend: str,
    style: str,
) -> None:
    """Every driver installs there, and the service's own tests pass, with warnings as errors."""
    database = get_database(backend)
    folder = render(tmp_path, database_backend=backend, session_style=style)
    project = install(folder, python, env=database.environment(style, backend, database_name))
    version = project.run("python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()
    assert version == python
    record_property("figures", f"a new Python is {version}")
    check_own_tests(project, *database.left_out)
