"""A network cable between a service and its database, whose packets can be dropped (Linux, as root).

No firewall is needed: service and database are in network namespaces of their own, and the one of the database throws
away what it would send. The machine's own network stays as it is.
"""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

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


class Cable:
    """Leads from a namespace for a service to the socket of a database server.

    Attributes:
        host: the server's address, for the service.
        port: the server's port, for the service.
        inside: the beginning of a command that is to run in the namespace of the service.
    """

    host = DATABASE
    port = PORT

    def __init__(self, server_socket: Path) -> None:
        """Lay no cable yet.

        Args:
            server_socket: the server's Unix socket, which every namespace reaches.
        """
        self._socket = server_socket
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Lay it, and let packets through."""
        with ExitStack() as stack:
            service, database = (self._start(stack, "unshare", "--net", "sleep", "infinity") for _ in range(2))
            assert processes.wait_until(lambda: _is_apart(service) and _is_apart(database), START_SECONDS, 0.01)
            self.inside = ["nsenter", f"--net=/proc/{service}/ns/net"]
            self._at_the_server = ["nsenter", f"--net=/proc/{database}/ns/net"]
            _run(self.inside, f"ip link add cable type veth peer name cable netns {database}")
            for side, address in ((self.inside, SERVICE), (self._at_the_server, DATABASE)):
                _run(side, f"ip address add {address}/24 dev cable")
                _run(side, "ip link set cable up")
                _run(side, "ip link set lo up")
            relay = [sys.executable, str(RELAY), DATABASE, str(PORT), str(self._socket)]
            self._start(stack, *self._at_the_server, *relay)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take it away."""
        self._stack.close()

    @staticmethod
    def _start(stack: ExitStack, *command: str) -> int:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process.pid

    def cut(self) -> None:
        """Drop every packet of the server from now on, also those that acknowledge."""
        _run(self._at_the_server, f"ip route add blackhole {SERVICE}/32")

    def restore(self) -> None:
        """Let packets through again."""
        _run(self._at_the_server, f"ip route del blackhole {SERVICE}/32")


def _is_apart(process: int) -> bool:
    return Path(f"/proc/{process}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def _run(inside: Sequence[str], command: str) -> None:
    subprocess.run([*inside, *command.split()], check=True, capture_output=True)
