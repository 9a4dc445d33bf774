"""A service works on the newest Python, which its pipeline and its image name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.databases import Database, live_cells
from tests.live.test_services import check_own_tests
from tests.template import NEWEST_PYTHON, in_turns, install, render


@pytest.mark.parametrize(("backend", "style"), in_turns(live_cells()))
def test_service_works_on_the_newest_python(  # noqa: PLR0913, PLR0917 - what pytest gives
    tmp_path: Path,
    get_database: Callable[[str], Database],
    record_property: Callable[[str, object], None],
    database_name: str,
    backend: str,
    style: str,
) -> None:
    """Every driver installs there, and the service's own tests pass, with warnings as errors."""
    database = get_database(backend)
    folder = render(tmp_path, database_backend=backend, session_style=style)
    project = install(folder, NEWEST_PYTHON, env=database.environment(style, backend, database_name))
    version = project.run("python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()
    assert version == NEWEST_PYTHON
    record_property("figures", f"the newest Python is {version}")
    check_own_tests(project, *database.left_out)
