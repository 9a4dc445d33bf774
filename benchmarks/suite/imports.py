"""Processor time of `import packages.database.config` in a new interpreter, in milliseconds.

Against it: the same modules of others (SQLAlchemy, the driver, pydantic), imported by name and without ours. What is
above 1 is the service's own: its settings, which are read and checked, its engines and its models' base.
"""

import shutil

from benchmarks.processes import processor_seconds
from benchmarks.results import Measured
from benchmarks.rig import HERE, Rig, versions
from benchmarks.tables import Table, against

TITLE = "Import of the database module"
ROUNDS = 9
CELLS = (("postgresql", "async"), ("sqlite", "sync"))
OURS, OTHERS = "packages.database.config", "its imports alone"


def measure(rig: Rig) -> Measured:
    """Measure the largest and the smallest of the modules."""
    measured = Measured()
    for backend, style in CELLS:
        if reason := rig.missing(backend):
            measured.left_out.append(reason)
            continue
        project = rig.project(backend, style)
        measured.versions |= versions(project, ("sqlalchemy", "pydantic", "pydantic-settings"))
        shutil.copy(HERE / "inside" / "imports.py", project.folder / "list_imports.py")
        names = project.run("python", "list_imports.py").stdout.split()
        lines = ["from importlib import import_module", f"for name in {names!r}:", "    import_module(name)"]
        (project.folder / "others.py").write_text("\n".join(lines), encoding="utf-8")
        (project.folder / "ours.py").write_text("import packages.database.config", encoding="utf-8")
        values: dict[str, list[float]] = {OURS: [], OTHERS: []}
        for round_ in range(-1, len(rig.rounds(ROUNDS))):
            for variant, script in ((OURS, "ours.py"), (OTHERS, "others.py")):
                used = processor_seconds(
                    project.bin / "python", script, cwd=project.folder, env={**project.env, "PYTHONPATH": "."}
                )
                if round_ >= 0:  # the first one compiles
                    values[variant].append(used * 1000)
        for variant, numbers in values.items():
            measured.add(f"{backend}, {style}", variant, "ms", numbers)
    return measured


def tables(measured: Measured) -> list[Table]:
    """Return one table."""
    rows = [
        [
            case,
            *(f"{one.median:,.0f}" for one in measured.series if one.case == case),
            against(measured, (case, OURS), (case, OTHERS)),
        ]
        for case in measured.cases()
    ]
    return [Table(["", f"`{OURS}`, ms", f"{OTHERS}, ms", "quotient"], rows)]
