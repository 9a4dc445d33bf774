"""A network cable between a service and its database, whose packets can be dropped (Linux, as root).

No firewall is needed: service and database are in network namespaces of their own, and the one of the database throws
away what it would send. The machine's own network stays as it is.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.servers import processes

# Of a block that is reserved for benchmarks of networks (RFC 2544), so it is nobody's address.
SERVICE, DATABASE = "198.18.0.2", "198.18.0.1"
PORT = 5432
START_SECONDS = 10
RELAY = Path(__file__).parent / "scripts" / "relay.py"


def missing() -> str | None:
    """Say in one sentence why this machine can have no network namespaces; None when it can."""
    with suppress(OSError):
        if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0:
            return None
    return "network namespaces: `unshare --net` is not allowed; it needs root."


@dataclass(frozen=True)
class Cable:
    """Leads from a network for a service to a database server; `inside` begins a command that is to run there."""

    inside: list[str]
    at_the_server: list[str]

    host = DATABASE
    port = PORT

    def cut(self) -> None:
        """Drop every packet of the server from now on, also those that acknowledge."""
        _run(self.at_the_server, f"ip route add blackhole {SERVICE}/32")

    def restore(self) -> None:
        """Let packets through again."""
        _run(self.at_the_server, f"ip route del blackhole {SERVICE}/32")


@contextmanager
def laid(server_socket: Path) -> Iterator[Cable]:
    """Lay a cable to the server's Unix socket, which every network reaches, and take it away after the block."""
    with ExitStack() as stack:

        def start(*command: str) -> int:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process.pid

        service, database = (start("unshare", "--net", "sleep", "infinity") for _ in range(2))
        assert processes.wait_until(lambda: _is_apart(service) and _is_apart(database), START_SECONDS, 0.01)
        cable = Cable(*(["nsenter", f"--net=/proc/{process}/ns/net"] for process in (service, database)))
        _run(cable.inside, f"ip link add cable type veth peer name cable netns {database}")
        for side, address in ((cable.inside, SERVICE), (cable.at_the_server, DATABASE)):
            _run(side, f"ip address add {address}/24 dev cable")
            _run(side, "ip link set cable up")
            _run(side, "ip link set lo up")
        start(*cable.at_the_server, sys.executable, str(RELAY), DATABASE, str(PORT), str(server_socket))
        yield cable


def _is_apart(process: int) -> bool:
    return Path(f"/proc/{process}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def _run(inside: Sequence[str], command: str) -> None:
    subprocess.run([*inside, *command.split()], check=True, capture_output=True)
