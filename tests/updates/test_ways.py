"""Each way that Cookiecutter has of getting a template gives the same service."""

from pathlib import Path

import pytest
from pytest_cookies.plugin import Cookies

from tests.template import TEMPLATE, render, run
from tests.updates.history import VERSIONS, Version, git

ANSWERS = {"project_name": "Ways", "database_backend": "postgresql", "session_style": "async"}


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of each file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of the service, as the other tests render it."""
    return files_of(render(tmp_path_factory.mktemp("expected"), **ANSWERS))


def cli(source: str | Path, output: Path, *options: str | Path) -> Path:
    """Run the command in an empty folder, without a question; return the one folder that it made."""
    output.mkdir()
    answers = [f"{question}={answer}" for question, answer in ANSWERS.items()]
    run("cookiecutter", source, "--no-input", *options, *answers, cwd=output)
    [folder] = output.iterdir()
    return folder


def test_a_repository(tmp_path: Path, template: Path, expected: dict[str, bytes]) -> None:
    """`cookiecutter git+URL` clones and renders the service."""
    assert files_of(cli(f"git+file://{template}", tmp_path / "out")) == expected


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_a_commit_of_a_repository(tmp_path: Path, template: Path, version: Version) -> None:
    """`--checkout COMMIT` renders the template as it was in each version."""
    folder = tmp_path / "template"
    git("clone", "--quiet", template, folder, cwd=tmp_path)
    git("checkout", "--quiet", version.commit, cwd=folder)
    old = files_of(cli(folder, tmp_path / "old"))
    url = f"git+file://{template}"
    assert files_of(cli(url, tmp_path / "out", "--checkout", version.commit)) == old


def test_an_archive(tmp_path: Path, template: Path, expected: dict[str, bytes]) -> None:
    """`cookiecutter FILE.zip` renders the archive that a forge offers for download."""
    archive = tmp_path / "template.zip"
    git("archive", "--prefix=template/", f"--output={archive}", "HEAD", cwd=template)
    assert files_of(cli(archive, tmp_path / "out")) == expected


def test_an_output_folder(tmp_path: Path, expected: dict[str, bytes]) -> None:
    """`--output-dir` renders elsewhere than where the command runs, in a folder that it makes."""
    out = cli(TEMPLATE, tmp_path / "here", "--output-dir", tmp_path / "here" / "a" / "b")
    assert files_of(out / "b" / "ways") == expected


@pytest.mark.parametrize("fixture", ["cookies", "cookies_session"])
def test_the_fixtures_of_pytest_cookies(
    request: pytest.FixtureRequest, fixture: str, expected: dict[str, bytes]
) -> None:
    """Both fixtures bake the service, as a fork of this template would test it."""
    cookies: Cookies = request.getfixturevalue(fixture)
    result = cookies.bake(extra_context=ANSWERS, template=str(TEMPLATE))
    assert (result.exit_code, result.exception) == (0, None)
    assert files_of(result.project_path) == expected
