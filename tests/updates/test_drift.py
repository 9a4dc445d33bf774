"""The pipeline of a service tells how far the service is behind the template, and blocks nobody."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.template import run
from tests.updates.history import GIT, change_template
from tests.updates.services import Service, make

FILES = {"github": ".github/workflows/template.yml", "gitlab": ".gitlab-ci.yml"}


@pytest.fixture(params=FILES)
def provider(request: pytest.FixtureRequest) -> str:
    """Return each provider in turn."""
    return str(request.param)


@pytest.fixture
def service(tmp_path: Path, template: Path, provider: str) -> Service:
    """Return a service of the newest template, whose own clone the test may change."""
    own = Path(shutil.copytree(template, tmp_path / "template"))
    return make(own, "HEAD", tmp_path / "made", {"ci_provider": provider})


def drift_job(service: Service, provider: str) -> dict[str, Any]:
    """Return the job, as the provider reads it."""
    pipeline = yaml.safe_load((service.folder / FILES[provider]).read_text(encoding="utf-8"))
    job: dict[str, Any] = pipeline["jobs"]["drift"] if provider == "github" else pipeline["drift"]
    return job


def tell(service: Service, provider: str) -> str:
    """Run what the job runs, as the provider does; return what it prints."""
    job = drift_job(service, provider)
    script = job["steps"][-1]["run"] if provider == "github" else "\n".join(job["script"])
    return run("bash", "-eo", "pipefail", "-c", script, cwd=service.folder, env=GIT).stdout


def test_the_distance_is_told(tmp_path: Path, service: Service, provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job counts and names the template's changes that the service does not have, also in GitHub's summary."""
    assert "does not have: 0\n" in tell(service, provider)
    change_template(service.template)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    told = tell(service, provider)
    assert "does not have: 1\n" in told
    assert " Core dumps are ignored\n" in told
    assert (tmp_path / "summary").read_text(encoding="utf-8") == told


def test_nobody_is_blocked(service: Service, provider: str) -> None:
    """A service that Cruft did not make is told so; and where the job fails, the pipeline goes on."""
    (service.folder / ".cruft.json").unlink()
    assert "cruft link" in tell(service, provider)
    job = drift_job(service, provider)
    assert job["continue-on-error" if provider == "github" else "allow_failure"] is True
