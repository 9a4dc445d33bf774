"""The versions of Python and Cookiecutter are stated in `pyproject.toml`, and all other files agree with it."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import template
from tests.template import PYTHONS, TEMPLATE, render

PROJECT: dict[str, Any] = tomllib.loads((TEMPLATE / "pyproject.toml").read_text(encoding="utf-8"))
VERSIONS = [line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"]]
OLDEST = PROJECT["project"]["requires-python"].removeprefix(">=")
(COOKIECUTTER,) = re.findall(r'"cookiecutter>=([\d.]+),', (TEMPLATE / "pyproject.toml").read_text(encoding="utf-8"))
FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", ".ci/run", "tests/template.py")
TEXTS = [*(TEMPLATE / name for name in FILES), *sorted((TEMPLATE / "docs").glob("*.md"))]


def claims(text: str) -> list[tuple[str, object, object]]:
    """Return what a text says about versions: the words, the versions in them, and those of `pyproject.toml`."""
    found: list[tuple[str, object, object]] = [
        (match[0], match[1], OLDEST)
        for match in re.finditer(r"Python (3\.\d+) (?:or newer|and newer|or later|at least|\+)", text)
    ]
    found += [
        (match[0], re.findall(r"3\.\d+", match[0]), VERSIONS)
        for match in re.finditer(r"Python 3\.\d+(?:, 3\.\d+)*,? (?:and|to|or) 3\.\d+", text)
    ]
    found += [
        (match[0], f"{match[1]}.{match[2]}", OLDEST) for match in re.finditer(r"version_info < \((\d), ?(\d+)\)", text)
    ]
    found += [
        (match[0], match[1], COOKIECUTTER) for match in re.finditer(r"Cookiecutter (\d\.\d+) (?:or|and) newer", text)
    ]
    return found


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_texts_name_the_versions(path: Path) -> None:
    """What a page or a script says about Python and Cookiecutter is true."""
    assert [words for words, said, true in claims(path.read_text(encoding="utf-8")) if said != true] == []


def test_the_readme_names_all_of_them() -> None:
    """A reader learns the oldest Python, all tested ones, and the oldest Cookiecutter."""
    said = [said for _, said, _ in claims((TEMPLATE / "README.md").read_text(encoding="utf-8"))]
    assert all(each in said for each in (OLDEST, VERSIONS, COOKIECUTTER))


def test_the_tests_and_the_pipeline_run_on_all_of_them() -> None:
    """The tests take their interpreters from the list, and the workflow installs each, the oldest as `python3`."""
    newest = VERSIONS[len(PYTHONS) :]
    assert [*PYTHONS, *newest] == VERSIONS
    assert f'"TEMPLATE_NEWEST_PYTHONS", "{" ".join(newest)}"' in Path(template.__file__).read_text(encoding="utf-8")
    pythons = " ".join(f"python{version}" for version in newest)
    assert f"for python in {pythons}; do" in (TEMPLATE / ".ci" / "run").read_text(encoding="utf-8")
    assert VERSIONS[0] == OLDEST
    workflow = yaml.safe_load((TEMPLATE / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    # The site is built by one Python, and tests nothing; other systems than Linux run with one.
    jobs = [job for name, job in workflow["jobs"].items() if name not in {"site", "systems"}]
    installed = [
        step["with"]["python-version"].split()
        for job in jobs
        for step in job["steps"]
        if "setup-python" in step.get("uses", "")
    ]
    assert len(installed) == len(jobs)
    assert all(sorted(versions) == VERSIONS and versions[-1] == OLDEST for versions in installed)


@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_a_service_asks_for_the_same(provider: str, tmp_path: Path) -> None:
    """A rendered project needs the same Python, its pipeline runs on the same ones, and its image has one of them."""
    project = render(tmp_path, ci_provider=provider, database_backend="postgresql")
    asked = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    assert asked["project"]["requires-python"] == f">={OLDEST}"
    pipeline = project / (".github/workflows/ci.yml" if provider == "github" else ".gitlab-ci.yml")
    lists = re.findall(r'(?:python|PYTHON): \["(.*)"\]', pipeline.read_text(encoding="utf-8"))
    assert [text.split('", "') for text in lists] == [VERSIONS]
    (image,) = re.findall(r"^FROM python:(3\.\d+)-", (project / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert image in VERSIONS
