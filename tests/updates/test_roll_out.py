"""A platform team brings a fix to many services: by a script for one of them, and a workflow that runs it for each."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.template import TEMPLATE, run
from tests.updates.history import GIT, change_template, git
from tests.updates.services import Service, make

SCRIPT = TEMPLATE / "scripts" / "update_service.py"
WORKFLOW = TEMPLATE / "docs" / "examples" / "update-services.yml"
JOBS = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Service:
    """Return a service of the newest template, which the tests leave as it is."""
    return make(template, "HEAD", tmp_path_factory.mktemp("made"), {"project_name": "Orders"})


@pytest.fixture
def service(tmp_path: Path, made: Service) -> Service:
    """Return a copy of the service, linked to a copy of the template; the test may change both."""
    copy = Service(tmp_path / "service", tmp_path / "template")
    shutil.copytree(made.folder, copy.folder)
    shutil.copytree(made.template, copy.template)
    link = copy.folder / ".cruft.json"
    text = link.read_text(encoding="utf-8").replace(str(made.template), str(copy.template))
    link.write_text(text, encoding="utf-8")
    copy.commit("Link the copy")
    return copy


def roll_out(service: Service, texts: Path, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the script for the service."""
    return run(sys.executable, SCRIPT, service.folder, texts, cwd=TEMPLATE, env=GIT, check=check)


def test_a_service_with_the_newest_template_is_left_alone(tmp_path: Path, service: Service) -> None:
    """The outcome is "current": no commit, no pull request."""
    before = git("rev-parse", "HEAD", cwd=service.folder)
    assert roll_out(service, tmp_path / "texts").stdout.splitlines()[-1] == "current"
    assert git("rev-parse", "HEAD", cwd=service.folder) == before
    assert not (tmp_path / "texts").exists()


def test_a_fix_is_one_commit_on_a_branch(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome is "updated": the branch holds the fix, and the pull request says what is new in the template."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    change_template(service.template)
    assert roll_out(service, tmp_path / "texts").stdout.splitlines()[-1] == "updated"
    assert (tmp_path / "output").read_text(encoding="utf-8") == "outcome=updated\n"
    assert git("rev-list", "--count", "main..template-update", cwd=service.folder) == "1\n"
    assert "core.*" in git("show", "template-update:.gitignore", cwd=service.folder)
    assert (tmp_path / "texts" / "title").read_text(encoding="utf-8").startswith("Update the template to ")
    assert (tmp_path / "texts" / "body").read_text(encoding="utf-8").endswith("\n- Core dumps are ignored\n")


def test_a_conflict_is_told(tmp_path: Path, service: Service) -> None:
    """The outcome is "conflicts", where Cruft says "Good work!": the pull request names the files."""
    with (service.folder / ".gitignore").open("a", encoding="utf-8") as end:
        end.write("*.swp\n")
    service.commit("Ours")
    change_template(service.template)
    assert roll_out(service, tmp_path / "texts").stdout.splitlines()[-1] == "conflicts"
    assert (tmp_path / "texts" / "title").read_text(encoding="utf-8").endswith("(conflicts)")
    assert (tmp_path / "texts" / "body").read_text(encoding="utf-8").endswith("\n- `.gitignore`\n")


def test_the_lock_file_follows(tmp_path: Path, service: Service) -> None:
    """Where the template asks for other versions, the update has a lock file that the pipeline accepts."""
    run("uv", "lock", cwd=service.folder)
    service.commit("Lock")
    bounds = service.template / "{{cookiecutter.project_slug}}" / "pyproject.toml"
    text = bounds.read_text(encoding="utf-8").replace('"tenacity>=9,<10"', '"tenacity>=9.1,<10"')
    bounds.write_text(text, encoding="utf-8")
    git("commit", "--quiet", "--all", "--message", "Another bound", cwd=service.template)
    assert roll_out(service, tmp_path / "texts").stdout.splitlines()[-1] == "updated"
    assert "uv.lock" in git("show", "--name-only", "--format=", "template-update", cwd=service.folder).split()
    run("uv", "lock", "--check", cwd=service.folder)


def test_a_service_without_cruft_is_named(tmp_path: Path, service: Service) -> None:
    """A service that is not linked fails with one sentence that says what to do."""
    (service.folder / ".cruft.json").unlink()
    failed = roll_out(service, tmp_path / "texts", check=False)
    assert failed.returncode == 1
    assert failed.stderr == f"{service.folder}: there is no .cruft.json; link the service with `cruft link` first\n"


def test_the_workflow_is_valid() -> None:
    """GitHub accepts the workflow, and it leaks no token: checked against GitHub's schema and by zizmor."""
    run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", WORKFLOW, cwd=TEMPLATE)
    run("zizmor", "--quiet", "--offline", WORKFLOW, cwd=TEMPLATE)


def test_what_runs_code_of_a_service_has_no_token_that_writes() -> None:
    """An update renders the answers of the service and may build its packages; only the other job may write."""
    secrets = {name: set(re.findall(r"secrets\.(\w+)", json.dumps(job))) for name, job in JOBS.items()}
    assert secrets == {"update": {"SERVICES_READ_TOKEN"}, "propose": {"SERVICES_TOKEN"}}
    words = re.findall(r"\w+", scripts_of("propose"))
    assert not {"python", "cruft", "uv"} & set(words)


def scripts_of(job: str) -> str:
    """Return what a job runs in its last step that has a script."""
    return str([step["run"] for step in JOBS[job]["steps"] if "run" in step][-1])


@pytest.mark.parametrize("outcome", ["updated", "conflicts"])
def test_one_job_proposes_what_the_other_has_made(tmp_path: Path, service: Service, outcome: str) -> None:
    """The branch gets the update, and the pull request its title. A conflict makes a draft, a link nothing."""
    change_template(service.template)
    roll_out(service, tmp_path / "update")
    env = {**GIT, "RUNNER_TEMP": str(tmp_path), "OUTCOME": outcome, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    run("bash", "-e", "-c", scripts_of("update"), cwd=service.folder, env=env)
    remote, checkout = tmp_path / "remote", tmp_path / "service-of-the-other-job"
    git(
        "clone",
        "--quiet",
        "--bare",
        "--branch",
        "main",
        "--single-branch",
        str(service.folder),
        str(remote),
        cwd=tmp_path,
    )
    git("clone", "--quiet", str(remote), str(checkout), cwd=tmp_path)
    (tmp_path / "gh").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\n', encoding="utf-8")
    (tmp_path / "gh").chmod(0o700)
    run("bash", "-e", "-c", scripts_of("propose"), cwd=checkout, env=env)
    ours, theirs = (git("rev-parse", "template-update", cwd=folder) for folder in (service.folder, remote))
    assert ours == theirs
    _, created = (tmp_path / "said").read_text(encoding="utf-8").splitlines()
    assert "--title Update the template to" in created
    assert ("--draft" in created) == (outcome == "conflicts")
    (tmp_path / "update" / "body").unlink()
    (tmp_path / "update" / "body").symlink_to("/proc/self/environ")
    assert run("bash", "-e", "-c", scripts_of("propose"), cwd=checkout, env=env, check=False).returncode
