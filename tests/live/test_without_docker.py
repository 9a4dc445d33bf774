"""A service gets its database from a server that runs already, by the commands of its README and nothing else."""

import os
import re
from pathlib import Path

import pytest

from tests.live.databases import Databases, live_cells
from tests.live.test_services import check_own_tests
from tests.servers import SERVERS, Server
from tests.template import BACKENDS, PYTHONS, in_turns, install, render, run

PASSWORD = "chosen for this test: #1"  # noqa: S105 - of an account that only this test has


def administrator(server: Server, home: Path) -> dict[str, str]:
    """Return the environment in which the clients of the servers log in as the administrator."""
    login = {"host": server.host, "port": server.port, "user": server.user, "password": server.password}
    lines = ["[client]", *(f"{name}={value}" for name, value in login.items())]
    (home / ".my.cnf").write_text("\n".join(lines), encoding="utf-8")
    return {"HOME": str(home), **{f"PG{name.upper()}": str(value) for name, value in login.items()}}


# The commands are the same in both styles.
@pytest.mark.parametrize(("backend", "style"), in_turns([cell for cell in live_cells() if cell[0] in SERVERS]))
def test_service_gets_its_database_from_a_server_of_ones_own(
    tmp_path: Path, databases: Databases, backend: str, style: str
) -> None:
    """The README's commands make account, database and rights: the service migrates, and its tests pass."""
    server = databases.server(backend)
    answers = {"project_slug": f"t_own_{backend}", "database_backend": backend, "session_style": style}
    project = install(render(tmp_path, web_framework="none", **answers), PYTHONS[-1])
    readme = (project.folder / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## Without Docker\n")[2].partition("\n## ")[0]
    commands, lines = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    # Where one server stands in for another one, it has this account already.
    server.query("DROP USER IF EXISTS app")
    env = administrator(server, tmp_path) | {"DATABASE_PASSWORD": PASSWORD}
    run("sh", "-ec", commands, cwd=project.folder, env={"PATH": os.environ["PATH"], **env})
    lines = lines.replace(f":{BACKENDS[backend]['port']}/", f":{server.port}/")
    (project.folder / ".env").write_text(f"{lines}DATABASE_PASSWORD='{PASSWORD}'\n", encoding="utf-8")
    migrated = project.run("python", "-m", "packages.database", "upgrade")
    assert "is now at revision 0001" in migrated.stdout + migrated.stderr
    check_own_tests(project, *databases.get(backend).left_out)
