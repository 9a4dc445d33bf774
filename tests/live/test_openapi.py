"""The API does what its OpenAPI document says: schemathesis sends what the document allows, and what it forbids."""

import json
from pathlib import Path

import pytest

from tests.live.cells import InstallOnce
from tests.live.databases import Databases, in_file, live_cells
from tests.live.service import create_database, new_user, serve
from tests.template import Project, run

PHASES = ("examples", "coverage", "fuzzing", "stateful")
OWNERS = 9
# Of two billion ids, chance meets none that is there.
HOOKS = f"""\
import schemathesis

@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict) and type(owner := body.get("owner_id")) is int and 1 <= owner < 2**31:
        body["owner_id"] = 1 + owner % {OWNERS}
    return body
"""
# Each database once, each style more than once.
QUICK = [("sqlite", "sync"), ("postgresql", "async"), ("mariadb", "sync")]
EXAMPLES = 5
MANY_EXAMPLES = 100
RUNS = [pytest.param(*cell, EXAMPLES, id="-".join(cell)) for cell in QUICK]
RUNS += [
    pytest.param(*cell, MANY_EXAMPLES, id="-".join((*cell, "thorough")), marks=pytest.mark.slow)
    for cell in live_cells()
]


@pytest.fixture
def project(  # noqa: PLR0913, PLR0917 - what a service is made of
    tmp_path: Path, install_once: InstallOnce, databases: Databases, database_name: str, backend: str, style: str
) -> Project:
    """Return an installed service with an empty database of its own, so that a seed gives the same run."""
    environment = databases.get(backend).environment(style, backend, database_name) or in_file(tmp_path, style)
    project = install_once(backend, style, environment)
    create_database(project)
    project.run("alembic", "upgrade", "head")
    return project


@pytest.mark.parametrize(("backend", "style", "examples"), RUNS)
def test_the_api_is_as_documented(tmp_path: Path, project: Project, examples: int) -> None:
    """All checks, in all phases, with one seed: no failure, no warning, and each operation has served requests."""
    (tmp_path / "hooks.py").write_text(HOOKS, encoding="utf-8")
    (tmp_path / "schemathesis.toml").write_text("[warnings]\nfail-on = true\n", encoding="utf-8")
    options = f"--checks=all --phases={','.join(PHASES)} --max-examples={examples} --seed=1 --generation-database=none"
    with serve(project) as client:
        for number in range(OWNERS):
            new_user(client, f"owner-{number}")
        document = str(client.base_url.join("/openapi.json"))
        places = {"PYTHONPATH": str(tmp_path), "SCHEMATHESIS_HOOKS": "hooks", "PYTHONUTF8": "1"}
        run("st", "run", document, *options.split(), "--report-json-path=report.json", cwd=tmp_path, env=places)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {phase: each["status"] for phase, each in report["phases"].items()} == dict.fromkeys(PHASES, "success")
    served = report["valid_rates"].values()
    assert len(served) == report["operations"]["total"]
    assert all(sum(phase["accepted"] for phase in phases.values()) for phases in served)
