"""Keep the tests away from the user's own files, and count what could not run."""

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import partialmethod
from pathlib import Path

import pytest
from cookiecutter.environment import StrictEnvironment
from jinja2 import FileSystemBytecodeCache

# `make test` calls the programs of the environment by path; the tests call them by name.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

# What tests record by `record_property`, one line of a table each, with the heads of its columns.
TABLES = {
    "fault": ("service", "clients", "requests", "failed", "in doubt", "seconds without a write", "slowest request"),
    "overload": ("service", "clients", "requests", "refused", "probes", "p99 ms", "slowest ms", "over 100 ms"),
}


# What takes longest is run first: at the end no process waits for another one's last test.
LONGEST = ("test_every_command_works_in_order", "test_an_edited_service_is_updated", "test_service_works")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first, and leave the others in their order."""
    items.sort(key=lambda item: not item.name.startswith(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def own_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give Cookiecutter folders of its own: it writes a replay file a run, and leaves each rendered hook in /tmp.

    A template's file is compiled once for all renders of this process, which takes most of the time of a render.
    """
    home = tmp_path_factory.mktemp("home")
    config = home / "config.yaml"
    places = {"replay_dir": str(home / "replay"), "cookiecutters_dir": str(home / "templates")}
    config.write_text(json.dumps(places), encoding="utf-8")
    compiled = home / "compiled"
    compiled.mkdir()
    strict = partialmethod(StrictEnvironment.__init__, bytecode_cache=FileSystemBytecodeCache(str(compiled)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COOKIECUTTER_CONFIG", str(config))
        patch.setenv("TMPDIR", str(home))
        patch.setattr(tempfile, "tempdir", str(home))
        patch.setattr(StrictEnvironment, "__init__", strict)
        yield


def values_of(reports: Iterable[pytest.TestReport], name: str) -> Iterator[object]:
    """Return what tests have recorded under a name."""
    return (value for report in reports for each, value in report.user_properties if each == name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which databases the services ran on, what they did under faults and overload, and what was skipped."""
    passed = terminalreporter.stats.get("passed", [])
    servers = {str(value) for value in values_of(passed, "server")}
    for server in sorted(servers):
        terminalreporter.write_line(f"run on a real database: {server}")
    figures = {name: sorted({str(value) for value in values_of(passed, name)}) for name in TABLES}
    for name, lines in figures.items():
        if lines:
            terminalreporter.write_line(" | ".join((name, *TABLES[name])))
        for line in lines:
            terminalreporter.write_line(line)
    for line in sorted({str(value) for value in values_of(passed, "figures")}):
        terminalreporter.write_line(f"measured: {line}")
    skipped = len(terminalreporter.stats.get("skipped", []))
    if skipped:
        terminalreporter.write_line(f"{skipped} tests were skipped: nothing is proven about what they promise.")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Make a skipped test fail the run where CI is set: what did not run proves nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped") and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
