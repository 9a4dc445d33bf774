"""A service whose test database cannot be used says so once, and not once for each of its tests."""

import pytest

from tests.live.cells import CELLS, InstallOnce, parameters
from tests.servers import free_port
from tests.template import BACKENDS

PASSWORD = "never-to-be-shown"  # noqa: S105 - of no server


@pytest.mark.parametrize(("backend", "style"), parameters(CELLS, apart=True))
def test_without_a_database_pytest_ends_in_one_sentence(install_once: InstallOnce, backend: str, style: str) -> None:
    """Where nobody listens, the run ends with code 4 and a sentence that names the cause; there is no traceback."""
    url = f"{BACKENDS[backend][style]['drivername']}://app@127.0.0.1:{free_port()}/service"
    env = {"DATABASE_URL": url, "DATABASE_PASSWORD": PASSWORD, "DATABASE_CONNECT_TIMEOUT_SECONDS": "1"}
    done = install_once(backend, style, env).run("pytest", "-q", check=False)
    output = done.stdout + done.stderr
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, output
    assert output.count("The tests have no database: ") == 1, output
    assert "refused" in output or "Can't connect" in output, output
    assert "Traceback" not in output
    assert PASSWORD not in output
    assert len(output.splitlines()) <= 5, output
