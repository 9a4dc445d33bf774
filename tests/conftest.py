"""Keep the tests away from the user's own files, and count what could not run."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# `make test` calls the programs of the environment by path; the tests call them by name.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="session", autouse=True)
def own_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give Cookiecutter folders of its own: it writes a replay file a run, and leaves each rendered hook in /tmp."""
    home = tmp_path_factory.mktemp("home")
    config = home / "config.yaml"
    places = {"replay_dir": str(home / "replay"), "cookiecutters_dir": str(home / "templates")}
    config.write_text(json.dumps(places), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COOKIECUTTER_CONFIG", str(config))
        patch.setenv("TMPDIR", str(home))
        patch.setattr(tempfile, "tempdir", str(home))
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which databases the services ran on, what was measured, and how many tests were skipped and do not count."""
    passed = terminalreporter.stats.get("passed", [])
    servers = {str(value) for report in passed for name, value in report.user_properties if name == "server"}
    for server in sorted(servers):
        terminalreporter.write_line(f"run on a real database: {server}")
    for report in passed:
        for name, value in report.user_properties:
            if name == "figures" and report.when == "call":
                terminalreporter.write_line(f"measured: {value}")
    skipped = len(terminalreporter.stats.get("skipped", []))
    if skipped:
        terminalreporter.write_line(f"{skipped} tests were skipped: nothing is proven about what they promise.")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Make a skipped test fail the run where CI is set: what did not run proves nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped") and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
