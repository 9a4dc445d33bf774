"""The template as the tests see it: its questions, the facts of its databases, and the projects it renders."""

import ast
import json
import os
import shutil
import subprocess
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cookiecutter.environment import StrictEnvironment
from cookiecutter.main import cookiecutter
from jinja2 import FileSystemLoader

TEMPLATE = Path(__file__).resolve().parents[1]
CONTEXT: dict[str, Any] = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
STYLES: list[str] = CONTEXT["session_style"]
FRAMEWORKS: list[str] = CONTEXT["web_framework"]
PROVIDERS: list[str] = CONTEXT["ci_provider"]
LICENSES: list[str] = CONTEXT["license"]


def facts(backend: str, style: str, template: Path = TEMPLATE) -> dict[str, Any]:
    """Return the facts of a database by their names, as the template's files see them."""
    environment = StrictEnvironment(
        context={"cookiecutter": {}},
        loader=FileSystemLoader(template / "templates"),
        keep_trailing_newline=True,
        **CONTEXT["_jinja2_env_vars"],
    )
    answers = {"project_slug": "my_service", "session_style": style, "web_framework": "fastapi"}
    module = environment.get_template(f"backends/{backend}.jinja").make_module({"cookiecutter": answers})
    return {name: value for name, value in vars(module).items() if not name.startswith("_")}


def argument_names(block: str) -> set[str]:
    """Return the names of the driver's arguments in a block of facts."""
    dictionary = ast.parse(f"{{{block}}}", mode="eval").body
    assert isinstance(dictionary, ast.Dict)
    return {str(ast.literal_eval(key)) for key in dictionary.keys if key is not None}


# The facts of each database that can be chosen: those of the first style, and beside them those of each style.
BACKENDS: dict[str, dict[str, Any]] = {
    backend: facts(backend, STYLES[0]) | {style: facts(backend, style) for style in STYLES}
    for backend in CONTEXT["database_backend"]
}
CELLS = [(backend, style) for backend in BACKENDS for style in STYLES]


def in_turns(cells: Sequence[tuple[str, str]], *, other: bool = False) -> list[tuple[str, str]]:
    """Return the cells of one style for each backend, which take turns; with `other`, those that are left."""
    backends = list(dict.fromkeys(backend for backend, _ in cells))
    chosen = {(backend, STYLES[number % len(STYLES)]) for number, backend in enumerate(backends)}
    return [cell for cell in cells if (cell in chosen) != other]


PYTHONS = ("3.11", "3.12", "3.13")
# `.ci/run` gives others where these cannot be had.
NEWEST_PYTHONS = os.environ.get("TEMPLATE_NEWEST_PYTHONS", "3.14 3.15").split()
SQLALCHEMY = ("2.0", "2.1")
STEP_SECONDS = 300


def render(output: Path, **answers: str) -> Path:
    """Render a project with the given answers, and the defaults for the others; return its folder."""
    return render_from(TEMPLATE, output, answers)


def render_from(template: Path, output: Path, answers: Mapping[str, str]) -> Path:
    """Render a project from another folder than the template's own."""
    config = os.environ.get("COOKIECUTTER_CONFIG")
    return Path(
        cookiecutter(
            str(template), no_input=True, extra_context=dict(answers), output_dir=str(output), config_file=config
        )
    )


def plain_environment() -> dict[str, str]:
    """Return this process's environment without what would reach into a rendered project."""
    # With PYTHONDONTWRITEBYTECODE, which container images set, each program of a project compiles all that it imports.
    foreign = ("VIRTUAL_ENV", "DATABASE_", "TEST_DATABASE_", "PYTEST_", "PYTHON", "SECRETS_DIR", "COV_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def run(
    *command: str | Path, cwd: Path, env: Mapping[str, str] | None = None, check: bool = True, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; `typed` is its standard input.

    Raises:
        AssertionError: `check` is set and the command failed; the text has all it printed.
    """
    completed = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**plain_environment(), **(env or {})},
        input=typed,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=STEP_SECONDS,
        check=False,
    )
    if check and completed.returncode:
        text = (
            f"{' '.join(map(str, command))}: exit code {completed.returncode}\n{completed.stdout}\n{completed.stderr}"
        )
        raise AssertionError(text)
    return completed


def lint(project: Path, *, types: bool = True) -> None:
    """Check a rendered project by its own linter, formatter and, unless it is left out, type checker.

    Raises:
        AssertionError: one of them has something to say.
    """
    run("ruff", "check", "--no-cache", ".", cwd=project)
    run("ruff", "format", "--no-cache", "--check", ".", cwd=project)
    if not types:
        return
    # Two processes that write to one cache read each other's halves.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    cache = cache_of_types(TEMPLATE / ".mypy_cache" / f"renders-{worker}")
    run("mypy", "--cache-dir", cache, cwd=project)


def cache_of_types(folder: Path) -> Path:
    """Return a cache for mypy in the folder; a new one has what `make lint` has found of packages: ten seconds less."""
    if not folder.exists():
        for known in TEMPLATE.glob(".mypy_cache/3.*"):
            shutil.copytree(known, folder / known.name)
    return folder


@dataclass(frozen=True)
class Project:
    """A rendered project with an environment of its own."""

    folder: Path
    env: Mapping[str, str]

    @property
    def bin(self) -> Path:
        """The folder with the programs of the project's environment."""
        return self.folder / ".venv" / "bin"

    def run(
        self, program: str, *arguments: str | Path, check: bool = True, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the project's environment, in the project's folder, with further environment variables."""
        return run(self.bin / program, *arguments, cwd=self.folder, env={**self.env, **env}, check=check)

    def start(self, program: str, *arguments: str | Path, **env: str) -> subprocess.Popen[str]:
        """Start a program, with further environment variables; what it prints to standard error is in its output."""
        return subprocess.Popen(
            [self.bin / program, *arguments],
            cwd=self.folder,
            env={**plain_environment(), **self.env, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@cache
def interpreter(version: str) -> str:
    """Return the path of a Python of the given version; without one, the version itself, which uv then downloads."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [f"python{version}", *sorted(map(str, pyenv.glob(f"versions/{version}.*/bin/python")))]
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in filter(shutil.which, candidates):
        # A shim of pyenv is on the path also for versions that it then refuses to run.
        answer = subprocess.run([candidate, "-c", question], capture_output=True, text=True, check=False)
        if answer.stdout.strip() == version:
            return candidate
    return version


def install(folder: Path, python: str, extra: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Project:
    """Install a rendered project from its own pyproject.toml, beside further requirements such as "sqlalchemy==2.0.*".

    The environment variables are those of all that runs in the project.
    """
    run("uv", "venv", "--quiet", "--python", interpreter(python), ".venv", cwd=folder)
    run("uv", "pip", "install", "--quiet", "--editable", ".[dev]", *extra, cwd=folder)
    share_compiled(folder / ".venv", python)
    return Project(folder, env or {})


# The last environments of this process, by the version of Python.
_environments: defaultdict[str, deque[Path]] = defaultdict(lambda: deque(maxlen=3))


def share_compiled(environment: Path, python: str) -> None:
    """Give a new environment what Python has compiled in those before it, which takes three seconds in each.

    uv links one file of its cache into all environments; of another file, the compiled one would be refused by Python.
    """
    [packages] = environment.glob("lib/python*/site-packages")
    for other in _environments[python]:
        for compiled in other.rglob("*.pyc"):
            own = packages / compiled.relative_to(other)
            name = f"{compiled.name.partition('.')[0]}.py"
            sources = [folder.parent.parent / name for folder in (own, compiled)]
            if not own.exists() and all(source.exists() for source in sources) and sources[0].samefile(sources[1]):
                own.parent.mkdir(exist_ok=True)
                own.hardlink_to(compiled)
    _environments[python].appendleft(packages)
