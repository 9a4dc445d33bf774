"""A service whose code has two newest revisions, as after the merge of two branches, says so once and what to do."""

from pathlib import Path

import pytest

from tests.live.cells import InstallOnce
from tests.live.databases import in_file
from tests.live.revisions import write_revision
from tests.template import STYLES


@pytest.mark.parametrize("style", STYLES)
def test_two_newest_revisions_are_named(
    request: pytest.FixtureRequest, tmp_path: Path, install_once: InstallOnce, style: str
) -> None:
    """`upgrade` and the tests end in one sentence, and what it says puts the revisions in order."""
    project = install_once("sqlite", style, in_file(tmp_path, style), "none")
    versions = project.folder / "migrations" / "versions"
    before = set(versions.glob("*.py"))

    def remove() -> None:
        for path in set(versions.glob("*.py")) - before:
            path.unlink()

    request.addfinalizer(remove)
    revision = write_revision(project.folder, 2, "pass")
    for name in ("mine", "theirs"):
        text = revision.read_text(encoding="utf-8").replace('"0002"', f'"{name}"')
        (versions / f"{name}.py").write_text(text, encoding="utf-8")
    revision.unlink()

    upgrade = project.run("python", "-m", "packages.database", "upgrade", check=False)
    said = "Error: the code has several newest revisions: mine, theirs; run: alembic merge heads\n"
    assert (upgrade.returncode, upgrade.stderr) == (1, said)
    tests = project.run("pytest", "-q", check=False)
    output = tests.stdout + tests.stderr
    assert tests.returncode == pytest.ExitCode.USAGE_ERROR, output
    assert output.count("The tests cannot migrate their database: Multiple head revisions") == 1, output
    assert len(output.splitlines()) <= 5, output

    project.run("alembic", "merge", "heads")
    project.run("python", "-m", "packages.database", "upgrade")
    project.run("alembic", "current", "--check-heads")
