"""A service has one toolchain, uv, in its README, its pipeline and its image, and its files for it are valid."""

import json
import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from tests.template import BACKENDS, PROVIDERS, PYTHONS, TEMPLATE, interpreter, render, run

SERVERS = [backend for backend, styles in BACKENDS.items() if styles["sync"]["server"]]
SCHEMAS = {
    ".github/workflows/ci.yml": ["vendor.github-workflows"],
    ".github/workflows/template.yml": ["vendor.github-workflows"],
    ".github/dependabot.yml": ["vendor.dependabot"],
    ".gitlab-ci.yml": ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
    "renovate.json": ["vendor.renovate"],
    "compose.yaml": ["vendor.compose-spec"],
}
EXPECTED = {
    "github": {".github/workflows/ci.yml", ".github/workflows/template.yml", ".github/dependabot.yml"},
    "gitlab": {".gitlab-ci.yml", "renovate.json"},
    "none": set(),
}


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Render a project for each database and provider: with one set for all tests, each tool runs once."""
    folder = tmp_path_factory.mktemp("toolchain")
    return {
        (backend, provider): render(folder / f"{backend}-{provider}", database_backend=backend, ci_provider=provider)
        for backend in BACKENDS
        for provider in PROVIDERS
    }


def test_each_provider_gets_its_own_files(projects: dict[tuple[str, str], Path]) -> None:
    """A pipeline, which has the real database, and what renews its dependencies, are those of the provider."""
    for (backend, provider), project in projects.items():
        found = {name for name in SCHEMAS if (project / name).exists()}
        assert found == EXPECTED[provider] | {"compose.yaml"}
        assert (project / ".github").exists() == (provider == "github")
        for name in found & {".github/workflows/ci.yml", ".gitlab-ci.yml"}:
            image = str(BACKENDS[backend]["image"])
            assert (image in (project / name).read_text(encoding="utf-8")) or backend not in SERVERS


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_others_read_is_valid(projects: dict[tuple[str, str], Path], name: str) -> None:
    """What GitHub, GitLab, Renovate and Compose read follows their published schemas, for each database."""
    found = [project / name for project in projects.values() if (project / name).exists()]
    assert len(found) >= len(SERVERS)
    run("check-jsonschema", "--builtin-schema", *SCHEMAS[name], *found, cwd=TEMPLATE)


def test_workflows_have_no_known_weakness(projects: dict[tuple[str, str], Path]) -> None:
    """`zizmor` finds nothing: actions are pinned, jobs may only read, credentials are not kept."""
    run("zizmor", "--quiet", "--offline", *(projects[backend, "github"] for backend in BACKENDS), cwd=TEMPLATE)


def test_images_have_no_known_fault(projects: dict[tuple[str, str], Path]) -> None:
    """`hadolint` accepts each Dockerfile; the ODBC driver is the newest, so its version is not pinned (DL3008)."""
    files = [projects[backend, "github"] / "Dockerfile" for backend in BACKENDS]
    run("hadolint", "--ignore", "DL3008", *files, cwd=TEMPLATE)


def pins(text: str) -> dict[str, str]:
    """Return the commit and version of each action that a workflow uses."""
    return dict(re.findall(r"uses: ([\w/-]+)(@[0-9a-f]{40} # v[\d.]+)$", text, re.MULTILINE))


def test_a_service_uses_the_commits_of_the_template(tmp_path: Path) -> None:
    """An action of both workflows is the same commit in both, and no action is named by a tag."""
    text = (render(tmp_path) / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    ours = pins((TEMPLATE / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    rendered = pins(text)
    assert len(rendered) == text.count("uses: ")
    assert {name: ours[name] for name in rendered if name in ours} == {
        name: pin for name, pin in rendered.items() if name in ours
    }
    assert set(ours) & set(rendered)


def test_an_edit_rebuilds_the_last_layer_only(tmp_path: Path) -> None:
    """The code is copied last: nothing is installed or copied after it."""
    text = (render(tmp_path, database_backend="postgresql") / "Dockerfile").read_text(encoding="utf-8")
    steps = re.findall(r"^(COPY|RUN|ADD) (.*)", text, re.MULTILINE)
    assert steps[-1] == ("COPY", "packages packages")


@pytest.mark.parametrize(
    ("backend", "style"), [pytest.param("sqlite", "sync", marks=pytest.mark.slow), ("postgresql", "async")]
)
def test_the_steps_of_the_image_give_a_service(tmp_path: Path, backend: str, style: str) -> None:
    """Each step finds what it needs among the files copied so far, and the program runs in another folder too."""
    project = render(tmp_path / "project", database_backend=backend, session_style=style)
    image = tmp_path / "app"
    image.mkdir()
    ignored = (project / ".dockerignore").read_text(encoding="utf-8").splitlines()
    env = {"UV_NO_CACHE": "0", "UV_PYTHON": interpreter(PYTHONS[-1])}
    text = (project / "Dockerfile").read_text(encoding="utf-8")
    for step, rest in re.findall(r"^(COPY|RUN) (.*)", text, re.MULTILINE):
        if step == "RUN":
            if rest.startswith("uv "):
                run(*rest.split(), cwd=image, env=env)
            continue
        *sources, target = rest.split()
        for source in (path for pattern in sources for path in project.glob(pattern)):
            name = source.relative_to(project)
            assert f"!{name.parts[0]}" in ignored, f"{name} does not get into the image"
            if source.is_dir():
                shutil.copytree(source, image / target, dirs_exist_ok=True)
            else:
                (image / target).mkdir(exist_ok=True)
                shutil.copy(source, image / target)
    question = "import packages.api.app as app; print(app.__file__)"
    shown = run(image / ".venv" / "bin" / "python", "-c", question, cwd=tmp_path)
    assert shown.stdout.strip() == str(image / "packages" / "api" / "app.py")
    assert not list(image.glob(".venv/lib/*/site-packages/pytest"))


def test_the_first_command_locks_the_versions(tmp_path: Path) -> None:
    """`uv run` writes `uv.lock`, which git keeps and the image gets; a lock that is out of date is noticed."""
    project = render(tmp_path, database_backend="postgresql")
    run("uv", "lock", cwd=project)
    run("git", "init", "--quiet", cwd=project)
    assert run("git", "check-ignore", "uv.lock", cwd=project, check=False).returncode
    assert "!uv.lock" in (project / ".dockerignore").read_text(encoding="utf-8")
    assert "COPY pyproject.toml uv.lock* ./\nRUN uv sync" in (project / "Dockerfile").read_text(encoding="utf-8")
    run("uv", "lock", "--check", cwd=project)
    text = (project / "pyproject.toml").read_text(encoding="utf-8")
    (project / "pyproject.toml").write_text(text.replace('"tenacity>=9,<10"', '"tenacity>=9,<9.1"'), encoding="utf-8")
    assert run("uv", "lock", "--check", cwd=project, check=False).returncode


def test_commits_are_checked_and_coverage_is_reported(tmp_path: Path) -> None:
    """The hooks pass on a new project, as does the pipeline's test command, which covers nearly all of the code."""
    project = render(tmp_path, session_style="async")
    run("git", "init", "--quiet", cwd=project)
    run("git", "add", "--all", cwd=project)
    # The types of each render are checked elsewhere.
    env = {"PRE_COMMIT_HOME": str(tmp_path / "home"), "SKIP": "mypy", "UV_PYTHON": interpreter(PYTHONS[0])}
    env["PATH"] = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    shown = run("pre-commit", "run", "--all-files", cwd=project, env=env).stdout
    assert shown.count("Passed") == 2, shown
    pipeline = (project / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    (command,) = re.findall(r"run: (uv run pytest.*)", pipeline)
    report = run(*command.replace("-n auto", "-n 2").split(), cwd=project, env=env).stdout
    (covered,) = re.findall(r"^TOTAL.+?(\d+)%$", report, re.MULTILINE)
    assert int(covered) > 90, report
    ignored = run("git", "status", "--porcelain", cwd=project).stdout.splitlines()
    assert [line for line in ignored if not line.startswith("A ")] == ["?? uv.lock"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_devcontainer_is_that_of_the_image(projects: dict[tuple[str, str], Path], backend: str) -> None:
    """An editor's container has the Python and the driver of the image, and can start the database."""
    project = projects[backend, "none"]
    container = json.loads((project / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    version = container["image"].partition(":")[2].partition("-")[0]
    assert ("features" in container) == (backend in SERVERS)
    dockerfile = (project / "Dockerfile").read_text(encoding="utf-8")
    assert f"FROM python:{version}-" in dockerfile
    for command in BACKENDS[backend]["sync"]["image_setup"]:
        assert command in container["onCreateCommand"][-1]
        assert command in dockerfile


def test_linters_of_a_service_are_those_of_the_template(tmp_path: Path) -> None:
    """A tool of both has the same bounds in both."""
    ours = tomllib.loads((TEMPLATE / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["dev"]
    theirs = tomllib.loads((render(tmp_path) / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    rendered = [*theirs["dependencies"], *theirs["optional-dependencies"]["dev"]]
    bounds = [
        {name[0]: name[1] for line in lines if (name := re.split(r"(?=[<>=!])", line, maxsplit=1))[1:]}
        for lines in (ours, rendered)
    ]
    shared = bounds[0].keys() & bounds[1].keys() & {"httpx2", "mypy", "pytest", "pytest-xdist", "ruff"}
    assert len(shared) == 5
    assert {name: bounds[0][name] for name in shared} == {name: bounds[1][name] for name in shared}
