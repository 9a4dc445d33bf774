"""What all private database servers of the tests have in common."""

import secrets
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Self

from . import processes
from .machine import HOST, Place, ServerError, free_port, program, tail

USER = "app_admin"
QUERY_SECONDS = 5

Row = tuple[object, ...]


class Startable(ABC):
    """Something that runs for the length of a `with` block."""

    @abstractmethod
    def start(self) -> None:
        """Start it, and wait until it can be used; do nothing when it runs."""

    @abstractmethod
    def close(self) -> None:
        """End it for good and remove its data."""

    def __enter__(self) -> Self:
        """Start it; nothing is left behind when that fails."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        """End it for good."""
        self.close()


class Server(Startable):
    """A private database server on the loopback interface, that demands its password.

    However the test process ends, the server ends with it, and its data are removed. Commits survive a kill of the
    server, not of the machine. When root runs the tests, the server runs under an account of its own.

    Attributes:
        accounts: Whom it runs as when root runs the tests, the best first.
        programs: What must be installed.
        driver_error: What `query` raises when the server refuses or cannot be reached.
        user: An account with all rights; its password has letters and digits.
        version: Empty before the first start.
        options: Settings by name, stronger than ours; a change holds from the next start on.
        start_seconds: How long `start` waits for an answer; after `stop_seconds`, `stop` kills.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    accounts: ClassVar[tuple[str, ...]]
    programs: ClassVar[tuple[str, ...]] = ()
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    immediate_signal: ClassVar[signal.Signals] = signal.SIGKILL
    driver_error: ClassVar[type[Exception]]
    start_seconds: float = 30.0
    stop_seconds: float = 15.0

    def __init__(self) -> None:
        """Choose a port, a password and a folder; a server that cannot be run here is a `ServerError`."""
        if reason := self.missing():
            raise ServerError(reason)
        self.host = HOST
        self.port = free_port()
        self.user = USER
        self.password = secrets.token_hex(16)
        self.version = ""
        self.options: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self.place = Place(self.name, *self.accounts)
        self.folder = self.place.folder
        self.data = self.folder / "data"
        self._secret = self.folder / "secret"
        self._log = self.folder / "server.log"

    @classmethod
    def missing(cls) -> str | None:
        """Say in one sentence why the server cannot be run on this machine; None when it can."""
        absent = [name for name in cls.programs if program(name) is None]
        return f"{cls.title}: no `{absent[0]}` found on PATH or in /usr/sbin." if absent else None

    @abstractmethod
    def query(self, sql: str, database: str | None = None) -> list[Row]:
        """Execute one statement as `user`, over TCP, in a connection of its own, for at most 5 seconds.

        Without a database, it is executed where the server puts administrators.
        """

    @property
    def socket(self) -> Path:
        """The Unix socket, for a server of a database."""
        raise ServerError(f"{self.title} has no Unix socket here.")

    @abstractmethod
    def _create(self) -> None:
        """Make the data folder; what holds the password stands in the file "secret"."""

    def _settings(self) -> dict[str, str]:
        """Return the settings of this server, by name; none for one that has them in a file."""
        return {}

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the command that runs the server in the foreground, without its settings."""

    @abstractmethod
    def _version(self) -> str:
        """Ask the server for its version, or raise the `driver_error` or `ServerError` while it is not ready."""

    def create_database(self, database: str) -> None:
        """Create an empty database with the server's defaults; its name is not quoted."""
        self.query(f"CREATE DATABASE {database}")

    @property
    def running(self) -> bool:
        """Whether the server's topmost process exists; a frozen one does."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and wait until it answers; it does not run after a `ServerError`."""
        if self.running:
            return
        self.kill()  # clears up after a server that ended by itself
        if not self.data.exists():
            self._create()
        settings = [f"--{name}={value}" for name, value in {**self._settings(), **self.options}.items()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command(), *settings],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is for us only
                **self.place.options,
            )
        self._watcher = processes.watch(self._process.pid, self.folder)
        try:
            self._wait()
        except BaseException:
            # Also for Ctrl-C: a server that never became ready is of no use.
            self.kill()
            raise
        self._secret.unlink(missing_ok=True)

    def _wait(self) -> None:
        reasons = ["it was not asked"]

        def answers() -> bool:
            try:
                self.version = self._version()
            except (self.driver_error, ServerError) as error:
                reasons.append(" ".join(str(error).split()))
                return False
            return True

        answered = processes.wait_until(lambda: not self.running or answers(), self.start_seconds)
        log = tail(self._log.read_bytes())
        if not self.running:
            raise ServerError(f"{self.title} ended instead of answering, and its log ends: {log}")
        if not answered:
            seconds = f"{self.start_seconds:g} seconds"
            raise ServerError(f"{self.title} did not answer within {seconds} ({reasons[-1]}), and its log ends: {log}")

    def stop(self, *, immediate: bool = False) -> None:
        """End the server, frozen or not, and wait until all its processes are gone; do nothing when it is down.

        With `immediate`, it does not tidy up, which it makes good at the next start.
        """
        number = self.immediate_signal if immediate else self.stop_signal
        if self._process is not None and self.running and number != signal.SIGKILL:
            self.thaw()
            self._process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self.stop_seconds)
        self.kill()

    def restart(self) -> None:
        """Stop the server in order and start it again on the same port with the same data."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop every process of the server (SIGSTOP): connections stay open, nothing answers."""
        if self._process is None or not self.running or not processes.freeze(self._process.pid):
            raise ServerError(f"{self.title} does not run, or one of its processes still runs after SIGSTOP.")

    def thaw(self) -> None:
        """Let a frozen server go on; do nothing when it is not frozen or does not run."""
        if self._process is not None and self.running:
            processes.thaw(self._process.pid)

    def kill(self) -> None:
        """Kill every process of the server (SIGKILL), as a crash would; frozen or not."""
        if self._process is None:
            return
        if not processes.kill(self._process.pid):
            raise ServerError(f"{self.title} still has a process 10 seconds after SIGKILL.")
        self._process.wait()
        if self._watcher is not None:
            self._watcher.communicate(b"It has ended.\n")
        self._process = self._watcher = None
        processes.unlock(self.data)

    def close(self) -> None:
        """End the server for good and remove its data."""
        self.stop(immediate=True)
        shutil.rmtree(self.folder, ignore_errors=True)
