"""Each way that Cookiecutter has of getting a template gives the same service."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter
from pytest_cookies.plugin import Cookies

from tests.template import TEMPLATE, render, run
from tests.updates.history import VERSIONS, Version, git

ANSWERS = {"project_name": "Ways", "database_backend": "postgresql", "session_style": "async"}
GIVEN = tuple(f"{question}={answer}" for question, answer in ANSWERS.items())


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of each file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of the service, as the other tests render it."""
    return files_of(render(tmp_path_factory.mktemp("expected"), **ANSWERS))


def cli(source: str | Path, output: Path, *options: str | Path, answers: Sequence[str] = GIVEN) -> Path:
    """Run the command in an empty folder; return the one folder that it made."""
    output.mkdir(exist_ok=True)
    run("cookiecutter", source, *options, *answers, cwd=output)
    [folder] = output.iterdir()
    return folder


def test_a_local_path(tmp_path: Path, expected: dict[str, bytes]) -> None:
    """`cookiecutter PATH` renders the service."""
    assert files_of(cli(TEMPLATE, tmp_path / "out", "--no-input")) == expected


def test_a_repository(tmp_path: Path, template: Path, expected: dict[str, bytes]) -> None:
    """`cookiecutter git+URL` clones and renders the service."""
    assert files_of(cli(f"git+file://{template}", tmp_path / "out", "--no-input")) == expected


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_a_commit_of_a_repository(tmp_path: Path, template: Path, version: Version) -> None:
    """`--checkout COMMIT` renders the template as it was in each version."""
    folder = tmp_path / "template"
    git("clone", "--quiet", template, folder, cwd=tmp_path)
    git("checkout", "--quiet", version.commit, cwd=folder)
    old = files_of(cli(folder, tmp_path / "old", "--no-input"))
    url = f"git+file://{template}"
    assert files_of(cli(url, tmp_path / "out", "--no-input", "--checkout", version.commit)) == old


def test_an_archive(tmp_path: Path, template: Path, expected: dict[str, bytes]) -> None:
    """`cookiecutter FILE.zip` renders the archive that a forge offers for download."""
    archive = tmp_path / "template.zip"
    git("archive", "--prefix=template/", f"--output={archive}", "HEAD", cwd=template)
    assert files_of(cli(archive, tmp_path / "out", "--no-input")) == expected


def test_a_replay(tmp_path: Path, expected: dict[str, bytes]) -> None:
    """`--replay` gives the service of the last answers again."""
    cli(TEMPLATE, tmp_path / "first", "--no-input")
    assert files_of(cli(TEMPLATE, tmp_path / "out", "--replay", answers=())) == expected


def test_a_configuration(tmp_path: Path, expected: dict[str, bytes]) -> None:
    """`--config-file` gives a team's own defaults."""
    config = tmp_path / "defaults.yaml"
    content = {"default_context": ANSWERS, "replay_dir": str(tmp_path / "replay")}
    config.write_text(json.dumps(content), encoding="utf-8")
    out = cli(TEMPLATE, tmp_path / "out", "--no-input", "--config-file", config, answers=())
    assert files_of(out) == expected


def test_an_output_folder(tmp_path: Path, expected: dict[str, bytes]) -> None:
    """`--output-dir` renders elsewhere than where the command runs, in a folder that it makes."""
    out = cli(TEMPLATE, tmp_path / "here", "--no-input", "--output-dir", tmp_path / "here" / "a" / "b")
    assert files_of(out / "b" / "ways") == expected


def test_an_existing_service_is_refused_or_overwritten(tmp_path: Path, expected: dict[str, bytes]) -> None:
    """Without an option, an existing folder is left alone; with one, a file of the template is written again.

    `--skip-if-file-exists` keeps what was edited, and in all three cases a file of one's own stays.
    """
    folder = cli(TEMPLATE, tmp_path / "out", "--no-input")
    license_, own = folder / "LICENSE", folder / "packages" / "own.py"
    license_.write_text("Ours.", encoding="utf-8")
    own.write_text("OWN = True\n", encoding="utf-8")

    refused = run("cookiecutter", TEMPLATE, "--no-input", *GIVEN, cwd=folder.parent, check=False)
    assert refused.returncode == 1
    assert '"ways" directory already exists' in refused.stdout + refused.stderr

    cli(TEMPLATE, folder.parent, "--no-input", "--overwrite-if-exists", "--skip-if-file-exists")
    assert license_.read_text(encoding="utf-8") == "Ours."

    cli(TEMPLATE, folder.parent, "--no-input", "--overwrite-if-exists")
    assert files_of(folder) == expected | {"packages/own.py": b"OWN = True\n"}


def test_the_python_interface(tmp_path: Path, expected: dict[str, bytes]) -> None:
    """`cookiecutter.main.cookiecutter` renders the service and returns its folder."""
    folder = cookiecutter(str(TEMPLATE), no_input=True, extra_context=dict(ANSWERS), output_dir=str(tmp_path))
    assert folder == str(tmp_path / "ways")
    assert files_of(Path(folder)) == expected


@pytest.mark.parametrize("fixture", ["cookies", "cookies_session"])
def test_the_fixtures_of_pytest_cookies(
    request: pytest.FixtureRequest, fixture: str, expected: dict[str, bytes]
) -> None:
    """Both fixtures bake the service, as a fork of this template would test it."""
    cookies: Cookies = request.getfixturevalue(fixture)
    result = cookies.bake(extra_context=ANSWERS, template=str(TEMPLATE))
    assert (result.exit_code, result.exception) == (0, None)
    assert files_of(result.project_path) == expected
