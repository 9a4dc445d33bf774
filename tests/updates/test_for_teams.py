"""The page for teams that standardize: each of its commands does what the page says."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from pytest_cookies.plugin import Cookies

from tests.template import TEMPLATE, run
from tests.updates.history import GIT, VERSIONS, Version, change_template, git
from tests.updates.services import Service

PAGE = (TEMPLATE / "docs" / "for-teams.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
URL = "https://github.com/OWNER/TEMPLATE"


def blocks(title: str, language: str = "sh") -> list[str]:
    """Return the blocks of a language in the section of a title."""
    [section] = [each for each in PAGE.split("\n## ") if each.startswith(f"{title}\n")]
    return [text for name, text in BLOCK.findall(section) if name == language]


def shell(commands: str, template: Path, cwd: Path, **replaced: str) -> str:
    """Run commands of the page with a template that is here; return what they print."""
    # What uvx would fetch is installed here.
    for word, instead in {URL: str(template), "uvx cruft": "cruft", **replaced}.items():
        commands = commands.replace(word, instead)
    done = run("bash", "-euo", "pipefail", "-c", commands, cwd=cwd, env=GIT)
    return done.stdout + done.stderr


def own_clone(template: Path, folder: Path) -> Path:
    """Return a clone that the test may commit to."""
    return Path(shutil.copytree(template, folder / "template"))


def commit_all(folder: Path) -> None:
    """Make a folder a repository, and commit all that is in it."""
    git("init", "--quiet", "--initial-branch", "main", cwd=folder)
    Service(folder, folder).commit("All")


def test_cruft_makes_a_service_and_shows_conflicts(tmp_path: Path, template: Path) -> None:
    """`cruft create` links the service; after an update, the command of the page names the files with conflicts."""
    own = own_clone(template, tmp_path)
    create, look = blocks("Make services with Cruft")
    shell(create.strip() + " --no-input", own, tmp_path)
    folder = tmp_path / "my_service"
    commit_all(folder)
    assert "SUCCESS" in shell("cruft check", own, folder)
    with (folder / ".gitignore").open("a", encoding="utf-8") as end:
        end.write("*.swp\n")
    Service(folder, own).commit("Ours")
    change_template(own)
    assert "Good work!" in shell("cruft update --skip-apply-ask", own, folder)
    assert shell(look, own, folder) == ".gitignore\n"


def test_a_configuration_gives_defaults(tmp_path: Path, template: Path) -> None:
    """The configuration file of the page holds answers that the template knows, and the command takes them."""
    [config] = blocks("Fork the template, and keep your own defaults", "yaml")
    [command] = blocks("Fork the template, and keep your own defaults")
    places = {"replay_dir": str(tmp_path / "replay"), "cookiecutters_dir": str(tmp_path / "templates")}
    (tmp_path / "team.yaml").write_text(config + yaml.safe_dump(places), encoding="utf-8")
    shell(command.strip() + " --no-input", template, tmp_path)
    assert "Proprietary" in (tmp_path / "my_service" / "pyproject.toml").read_text(encoding="utf-8")
    assert (tmp_path / "my_service" / ".gitlab-ci.yml").exists()
    assert "The Platform Team" in (tmp_path / "my_service" / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_a_rendered_service_is_linked(tmp_path: Path, template: Path, version: Version) -> None:
    """What Cookiecutter alone rendered, at any version, is linked and then updated as if Cruft had made it."""
    link, _ = blocks("Bring a service that was not made with Cruft")
    answers = "project_name=Orders"
    run("cookiecutter", f"git+file://{template}", "--checkout", version.commit, "--no-input", answers, cwd=tmp_path)
    folder = tmp_path / "orders"
    commit_all(folder)
    shell(link, template, folder, COMMIT=version.commit)
    service = Service(folder, template)
    service.commit("Link")
    service.update()
    assert "diff --git" not in service.cruft("diff")


@pytest.mark.slow
def test_another_service_adopts_the_template(tmp_path: Path, template: Path) -> None:
    """A service of other origin keeps its own files, takes the others, and is updated from then on."""
    own = own_clone(template, tmp_path)
    _, adopt = blocks("Bring a service that was not made with Cruft")
    folder = tmp_path / "orders"
    folder.mkdir()
    (folder / "README.md").write_text("# Orders\n\nOld, and ours.\n", encoding="utf-8")
    commit_all(folder)
    place, link, diff = adopt.strip().splitlines()
    shell(f"{place} --no-input\n{link}", own, folder)
    Service(folder, own).commit("Adopt the template")
    difference = shell(diff, own, folder)
    assert re.findall(r"^diff --git \S+/(\S+) ", difference, re.MULTILINE) == ["README.md"]
    change_template(own)
    Service(folder, own).update()
    assert (folder / ".gitignore").read_text(encoding="utf-8").endswith("core.*\n")
    assert (folder / "README.md").read_text(encoding="utf-8") == "# Orders\n\nOld, and ours.\n"


def test_the_test_of_a_fork_passes(cookies: Cookies, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test that the page offers to a fork is a test that passes."""
    [code] = blocks("Test your fork", "python")
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 - it is this repository's own page
    monkeypatch.setattr(cookies, "_default_template", str(TEMPLATE))
    names["test_a_service_is_rendered"](cookies)  # type: ignore[operator]
