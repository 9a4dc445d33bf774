"""Keep the tests away from the user's own files, and choose how hard they look."""

import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.template import TEMPLATE

FOLDER = "{{cookiecutter.project_slug}}"
FREE_TEXT = re.compile(rb"cookiecutter\.(project_name|description|author_)|licenses/")

SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("default", max_examples=200, deadline=None, suppress_health_check=SLOW)
settings.register_profile("thorough", max_examples=2000, deadline=None, suppress_health_check=SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Return an empty folder to generate into."""
    folder = tmp_path / "output"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def free_text_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the template without the files that no free text reaches: it is baked hundreds of times."""

    def without_text(folder: str, names: list[str]) -> list[str]:
        files = [Path(folder, name) for name in names if Path(folder, name).is_file()]
        return [path.name for path in files if not FREE_TEXT.search(path.read_bytes())]

    template = tmp_path_factory.mktemp("free_text") / TEMPLATE.name
    shutil.copytree(TEMPLATE / FOLDER, template / FOLDER, ignore=without_text)
    for name in ("hooks", "templates"):
        shutil.copytree(TEMPLATE / name, template / name)
    shutil.copy(TEMPLATE / "cookiecutter.json", template)
    return template
