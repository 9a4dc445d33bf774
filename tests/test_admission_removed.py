"""The concurrency limit is one file: a team that does not want it takes it out as the rendered README says."""

from pathlib import Path

from tests.template import PYTHONS, install, lint, render


def test_a_service_works_without_admission(tmp_path: Path) -> None:
    """With the file, its test and the lines that name it deleted, linters and all other tests pass."""
    project = render(tmp_path)
    (project / "packages/api/admission.py").unlink()
    (project / "tests/test_admission.py").unlink()
    app = project / "packages/api/app.py"
    lines = app.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if "AdmissionMiddleware" not in line]
    assert len(lines) - len(kept) == 2
    app.write_text("".join(kept), encoding="utf-8")
    lint(project)
    assert " passed" in install(project, PYTHONS[0]).run("pytest", "-q").stdout
