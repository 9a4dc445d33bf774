"""Processor time of the command that renders a project, with its defaults and all its hooks, in seconds.

`one file` is a template with one question and one file: what Cookiecutter itself takes. The hook of `fastapi_template`
also installs the project; that is left out here. `TEMPLATE_<NAME>=FOLDER` in the environment adds another template.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.processes import processor_seconds
from benchmarks.results import Measured
from benchmarks.rig import Rig, peer_command
from benchmarks.tables import Table, against
from tests.template import TEMPLATE

TITLE = "Rendering a project"
ROUNDS = 5
CASE = "render"
OURS, ONE_FILE, PEER = "ours", "one file", "peer: fastapi_template"
MORE = "TEMPLATE_"


def measure(rig: Rig) -> Measured:
    """Measure ours, a one-file template, the peer, and what the environment names."""
    from importlib.metadata import version  # noqa: PLC0415

    measured = Measured({"cookiecutter": version("cookiecutter")})
    template = rig.folder / "one-file"
    (template / "{{cookiecutter.name}}").mkdir(parents=True)
    (template / "{{cookiecutter.name}}" / "README.md").write_text("# {{cookiecutter.name}}\n", encoding="utf-8")
    (template / "cookiecutter.json").write_text('{"name": "one"}', encoding="utf-8")
    templates = {ONE_FILE: template, OURS: TEMPLATE} | {
        name.removeprefix(MORE).lower().replace("_", "-"): Path(folder)
        for name, folder in os.environ.items()
        if name.startswith(MORE) and Path(folder, "cookiecutter.json").exists()
    }
    seconds: dict[str, Callable[[Path], float]] = {
        name: lambda output, template=template: processor_seconds(  # type: ignore[misc]
            "cookiecutter", "--no-input", "--output-dir", output, template, cwd=output, env={"HOME": str(output)}
        )
        for name, template in templates.items()
    }
    command, environment = peer_command(rig.peer_generator)
    seconds[PEER] = lambda output: processor_seconds(*command, cwd=output, env={**environment, "HOME": str(output)})
    values: dict[str, list[float]] = {name: [] for name in seconds}
    for _ in rig.rounds(ROUNDS):
        for name, measure_one in seconds.items():
            with tempfile.TemporaryDirectory(dir=rig.folder) as output:
                values[name].append(measure_one(Path(output)))
    for name, numbers in values.items():
        measured.add(CASE, name, "s", numbers)
    return measured


def tables(measured: Measured) -> list[Table]:
    """Return one table."""
    rows = [
        [one.variant, f"{one.median:.2f}", against(measured, (CASE, one.variant), (CASE, ONE_FILE))]
        for one in measured.series
    ]
    return [Table(["", "s", "this / one file"], rows)]
