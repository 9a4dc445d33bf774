"""What the servers need of the machine: programs, ports, and an account that is not root's."""

import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
LOG_LINES = 12
# Below the ports of outgoing connections (32768 and up): none of them can take a server's port while it is down, and
# a client that tries to reach a server that is down cannot be connected to itself.
PORTS = range(20000, 32000)
SERVER_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/mysql/bin", "/usr/bin")

_given_ports: set[int] = set()


class ServerError(RuntimeError):
    """A server cannot be started or does not do what it should; the text is one sentence."""


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on, never the same one twice in one process."""
    while True:
        port = random.choice(PORTS)  # noqa: S311 - not a secret
        with socket.socket() as probe, suppress(OSError):
            # As the servers do, so that an earlier server's connections do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            if port not in _given_ports:
                _given_ports.add(port)
                return port


def program(name: str, *folders: str) -> Path | None:
    """Find a program on PATH, or else in the folders and where systems put servers."""
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join((*folders, *SERVER_FOLDERS)))
    return Path(found) if found else None


class Place:
    """A folder of a server's own, and the account that the server runs under: when root runs the tests, another one.

    Attributes:
        folder: The folder, which only the account can enter.
        options: How `subprocess` runs a program there: as the account, and with few variables of ours.
    """

    def __init__(self, name: str, *accounts: str) -> None:
        """Make the folder, whose name begins with the given one, for the first of the accounts that exists."""
        # Not in the default folder: its path may be too long for a Unix socket, or closed to the server's account.
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir="/tmp"))
        path = f"{os.environ.get('PATH', '')}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        environment = {"PATH": path, "LC_ALL": "C", "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        self.options: dict[str, Any] = {"cwd": self.folder, "env": environment, "stdin": subprocess.DEVNULL}
        if os.geteuid() == 0:
            names = {entry.pw_name for entry in pwd.getpwall()}
            account = pwd.getpwnam(next(name for name in (*accounts, "nobody") if name in names))
            self.options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self._give(self.folder)

    def _give(self, path: Path) -> None:
        os.chown(path, self.options.get("user", -1), self.options.get("group", -1))

    def make_folder(self, name: str) -> Path:
        """Make a folder that only the account can enter."""
        path = self.folder / name
        path.mkdir(mode=0o700)
        self._give(path)
        return path

    def write(self, name: str, text: str) -> Path:
        """Write a file that only the account can read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        self._give(path)
        return path

    def run(self, *command: str) -> None:
        """Run a program to its end; when it fails, a `ServerError` has the end of what it printed."""
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False, **self.options
        )
        if done.returncode:
            raise ServerError(f"{Path(command[0]).name} failed and said: {tail(done.stdout)}")


def tail(log: bytes) -> str:
    """Return the last lines of a log as one."""
    return " | ".join(log.decode(errors="replace").strip().split("\n")[-LOG_LINES:])
