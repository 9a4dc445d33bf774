"""What all private database servers of the tests have in common."""

import atexit
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, NamedTuple, Self

from . import processes

HOST = "127.0.0.1"
USER = "app_admin"

# Below the range from which Linux takes the ports of outgoing connections (32768 and up): a
# client's connection cannot take a server's port while the server is down, and a client that
# tries to reach a server that is down cannot be connected to itself.
_PORTS = range(20000, 32000)
# A Unix socket's whole path may have 107 bytes; this leaves room for the file's own name.
_LONGEST_FOLDER = 70
_POLL_SECONDS = 0.02
_LOG_LINES = 12
# Ports are chosen well before somebody listens on them.
_given_ports: set[int] = set()

Row = tuple[object, ...]


class ServerError(RuntimeError):
    """A server cannot be started or does not do what it should; the text is one sentence."""


class NotAnsweringError(Exception):
    """A server did not answer a probe; the reason is in the text."""


class Account(NamedTuple):
    """The unprivileged account that a server runs under when the tests are run by root.

    Attributes:
        name: Name of the account.
        uid: Number of the account.
        gid: Number of its group.
    """

    name: str
    uid: int
    gid: int


def account(names: Iterable[str]) -> Account | None:
    """Choose the account for a server.

    Args:
        names: Wanted names, the best first; "nobody" is added.

    Returns:
        The first that exists, or None when we are not root and the server runs as ourselves.

    Raises:
        ServerError: We are root, and the machine has none of the accounts.
    """
    if os.geteuid() != 0:
        return None
    for name in (*names, "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    message = "There is no unprivileged account, not even 'nobody', to run a server under."
    raise ServerError(message)


def free_port() -> int:
    """Find a TCP port of the loopback interface that nobody listens on.

    Returns:
        The port, below those that the system gives to outgoing connections; never the same one
        twice in one process.

    Raises:
        ServerError: No free port was found in 200 attempts.
    """
    for _ in range(200):
        port = random.choice(_PORTS)  # noqa: S311 - not a secret
        if port not in _given_ports and port_is_free(port):
            _given_ports.add(port)
            return port
    message = f"No free port found on {HOST} between {_PORTS.start} and {_PORTS.stop - 1}."
    raise ServerError(message)


def port_is_free(port: int) -> bool:
    """Say whether a server could listen on a TCP port of the loopback interface.

    Args:
        port: The port.

    Returns:
        Whether it can be bound now.
    """
    with socket.socket() as probe:
        # As the servers do, so that connections of an earlier server that fade out do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def program(name: str, *folders: str) -> Path | None:
    """Find a program.

    Args:
        name: Name of the program.
        folders: Where to look after PATH, which often lacks the folders of servers.

    Returns:
        The program's path, or None.
    """
    found = shutil.which(name)
    for folder in folders:
        found = found or shutil.which(name, path=folder)
    return Path(found) if found else None


def log_tail(log: Path) -> str:
    """Read the end of a log.

    Args:
        log: The log file.

    Returns:
        Its last lines, joined to one, or a remark that there are none.
    """
    try:
        lines = log.read_text(errors="replace").split("\n")
    except OSError:
        lines = []
    kept = [line.strip() for line in lines if line.strip()][-_LOG_LINES:]
    return " | ".join(kept) or "(nothing)"


class Startable(ABC):
    """Something that runs for the length of a `with` block."""

    @abstractmethod
    def start(self) -> None:
        """Start it, and wait until it can be used.

        Raises:
            ServerError: It does not start.
        """

    @abstractmethod
    def close(self) -> None:
        """End it for good and remove its data.

        Raises:
            ServerError: It cannot be ended.
        """

    def __enter__(self) -> Self:
        """Start all of it.

        Returns:
            Itself, ready for use.

        Raises:
            ServerError: As for `start`; nothing is left behind then.
        """
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it for good, as `close` does."""
        self.close()


class Server(Startable):
    """A private database server on the loopback interface, that demands its password.

    Use it as a context manager, or call `start` and at the end `close`. Whatever happens to the
    test process, the server ends with it: a normal end and Ctrl-C through `atexit`, SIGTERM and
    SIGKILL through a watcher process.

    An object is for one thread at a time; different objects can be used in different threads.

    Attributes:
        name: Name of the database as the template calls it, such as "postgresql".
        title: Name of the database as its makers write it, such as "PostgreSQL".
        host: Address the server listens on, always of the loopback interface.
        port: TCP port the server listens on. Final after the first `start`.
        user: Account with all rights.
        password: Its password, random unless given.
        version: What the server says about its version; empty before the first `start`.
        folder: Folder that holds everything of the server.
        data: Folder with the data.
        log: File with the server's messages.
        options: Server settings by name; what is changed here holds from the next `start` on.
        start_seconds: How long `start` waits for an answer, in seconds.
        stop_seconds: How long `stop` waits for an orderly end before it kills, in seconds.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    accounts: ClassVar[tuple[str, ...]]
    stop_signal: ClassVar[signal.Signals]
    immediate_signal: ClassVar[signal.Signals]
    start_seconds: float = 30.0
    stop_seconds: float = 15.0

    def __init__(
        self,
        folder: Path | None = None,
        *,
        options: Mapping[str, str] | None = None,
        durable: bool = False,
        password: str | None = None,
    ) -> None:
        """Choose names, port and password; nothing is started yet.

        Args:
            folder: Where to put the server's own folder. Without one, or when the path is too
                long for a Unix socket or closed to the account the server must run under (as
                pytest's folders are when root runs the tests), /tmp is taken.
            options: Further server settings by name, stronger than the ones made here.
            durable: Whether commits shall survive a crash of the machine. A crash of the server,
                as `kill` makes it, they survive in any case.
            password: Password of `user`; without one a random one of letters and digits.

        Raises:
            ServerError: The server cannot be run here.
        """
        reason = self.missing()
        if reason is not None:
            raise ServerError(reason)
        self.host = HOST
        self.port = free_port()
        self.user = USER
        self.password = password if password is not None else secrets.token_hex(16)
        self.version = ""
        self.options = dict(options or {})
        self.durable = durable
        self._account = account(self.accounts)
        self._owner = os.getpid()
        self._executable = Path("/")
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: processes.Guard | None = None
        self._frozen = False
        self._prepared = False
        self._given_folder = folder is not None
        self.folder = Path("/")  # until there is one of its own
        self.folder = self._make_folder(folder)
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        _existing.add(self)

    @classmethod
    @abstractmethod
    def missing(cls) -> str | None:
        """Say why the server cannot be run on this machine.

        Returns:
            One sentence, or None when it can be run.
        """

    @abstractmethod
    def query(self, sql: str, database: str | None = None) -> list[Row]:
        """Execute one statement as `user`, over TCP, in a connection of its own.

        Args:
            sql: The statement, sent as it is.
            database: Where to execute it; without one, where the server puts administrators.

        Returns:
            The rows, empty for a statement that has none.

        Raises:
            NotAnsweringError: The server cannot be reached, or did not answer in 5 seconds.
            Exception: The driver's own error when the server refused the statement.
        """

    @abstractmethod
    def _create(self) -> None:
        """Make the data folder."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""

    @abstractmethod
    def _version(self) -> str:
        """Ask the server for its version, or raise NotAnsweringError."""

    def _started(self) -> None:
        """Do what remains once the server answers."""

    def _killed(self) -> None:
        """Tidy up what the server itself would have done at an orderly end."""

    @abstractmethod
    def create_database(self, database: str) -> None:
        """Create an empty database with the server's defaults.

        Args:
            database: Its name.

        Raises:
            NotAnsweringError: The server cannot be reached.
            Exception: The driver's own error when the server refused, as for a taken name.
        """

    @property
    def pid(self) -> int | None:
        """Number of the server's topmost process, None while there is none."""
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        """Whether the server's topmost process exists; a frozen one does."""
        return self._process is not None and self._process.poll() is None

    @property
    def frozen(self) -> bool:
        """Whether `freeze` was called, and since then neither `thaw` nor an end."""
        return self._frozen and self.running

    def pids(self) -> list[int]:
        """List the server's processes.

        Returns:
            Their numbers, the topmost first; empty when the server does not run.
        """
        return [] if self.pid is None else [each.pid for each in processes.tree(self.pid)]

    def start(self) -> None:
        """Start the server and wait until it answers; do nothing when it runs already.

        Raises:
            ServerError: It ended at once or did not answer within `start_seconds`.
        """
        if self.running:
            return
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start the server and return at once, for those who start several.

        Raises:
            ServerError: Its data folder cannot be made or its program cannot be executed.
        """
        self.kill()  # collects a server that ended by itself, and its last processes
        if not self._prepared:
            self._create()
            if not port_is_free(self.port):
                self.port = free_port()
            self._prepared = True
        command = self._command()
        self._executable = Path(command[0]).resolve()
        with self.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.data,
                    env=self._environment(),
                    start_new_session=True,  # a Ctrl-C in the terminal is for us only
                    user=self._account.uid if self._account else None,
                    group=self._account.gid if self._account else None,
                    extra_groups=[] if self._account else None,
                )
            except OSError as error:
                message = f"{self.title} cannot be executed: {error}."
                raise ServerError(message) from error
        self._frozen = False
        self._guard = processes.Guard(self._process.pid, self.data, None if self._given_folder else self.folder)

    def wait(self) -> None:
        """Wait until the server that `launch` started answers.

        Raises:
            ServerError: It ended or did not answer within `start_seconds`; it is then killed.
        """
        try:
            self._wait()
        except BaseException:
            # Also for Ctrl-C: a server that never became ready is of no use to anybody.
            self.kill()
            raise
        self._started()

    def stop(self, *, immediate: bool = False) -> None:
        """End the server and wait until all its processes are gone; do nothing when it is down.

        A frozen server is thawed for it. One that does not end within `stop_seconds` is killed.

        Args:
            immediate: Whether the server shall not tidy up (PostgreSQL's "immediate" mode; for
                the others the same as `kill`), which it makes good at the next start.

        Raises:
            ServerError: A process could not even be killed within 10 seconds.
        """
        number = self.immediate_signal if immediate else self.stop_signal
        process = self._process
        if process is not None and process.poll() is None and number != signal.SIGKILL:
            processes.thaw(process.pid)
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(self.stop_seconds)
        self.kill()

    def restart(self) -> None:
        """Stop the server in order and start it again on the same port with the same data.

        Raises:
            ServerError: As for `stop` and `start`.
        """
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop every process of the server (SIGSTOP): connections stay open, nothing answers.

        Raises:
            ServerError: The server does not run, or does not stand still after 5 seconds.
        """
        if not self.running or self.pid is None:
            message = f"{self.title} does not run, so it cannot be frozen."
            raise ServerError(message)
        self._frozen = True
        if not processes.freeze(self.pid):
            message = f"{self.title} does not stand still 5 seconds after SIGSTOP."
            raise ServerError(message)

    def thaw(self) -> None:
        """Let a frozen server go on; do nothing when it is not frozen or does not run."""
        if self.running and self.pid is not None:
            processes.thaw(self.pid)
        self._frozen = False

    def kill(self) -> None:
        """Kill every process of the server (SIGKILL), as a crash would; frozen or not.

        Raises:
            ServerError: A process still exists 10 seconds later.
        """
        process = self._process
        if process is None:
            return
        # They have no parent any more if the topmost process died before its children.
        orphans = processes.orphans(self._executable, self.data.resolve())
        gone = processes.kill(process.pid, orphans)
        if not gone:
            message = f"{self.title} still has a process 10 seconds after SIGKILL."
            raise ServerError(message)
        process.wait()
        if self._guard is not None:
            self._guard.release()
        self._process = self._guard = None
        self._frozen = False
        self._killed()

    def forget(self) -> None:
        """Let the next `start` begin with new data; the server must be down, its data removed."""
        self._prepared = False

    def close(self) -> None:
        """End the server for good and remove its data; the log stays in a folder that was given.

        Raises:
            ServerError: As for `stop`.
        """
        self.stop(immediate=True)
        _existing.discard(self)
        if self._given_folder:
            for entry in self.folder.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry, ignore_errors=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __repr__(self) -> str:
        """Describe the server without its password."""
        state = "frozen" if self.frozen else "running" if self.running else "down"
        return f"<{type(self).__name__} {self.host}:{self.port} {state}>"

    def _wait(self) -> None:
        process = self._process
        deadline = time.monotonic() + self.start_seconds
        reason = "it was not started"
        while process is not None:
            if process.poll() is not None:
                message = (
                    f"{self.title} ended with status {process.returncode} instead of answering,"
                    f" and its log ends: {log_tail(self.log)}"
                )
                raise ServerError(message)
            try:
                self.version = self._version()
            except NotAnsweringError as error:
                reason = str(error).strip()
            else:
                return
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)
        message = (
            f"{self.title} did not answer within {self.start_seconds:g} seconds"
            f" ({reason}), and its log ends: {log_tail(self.log)}"
        )
        raise ServerError(message)

    def _make_folder(self, wanted: Path | None) -> Path:
        """Make a new folder that the server's account can use; prefer one inside `wanted`."""
        prefix = f"{self.name}-"
        if wanted is not None:
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=wanted.resolve()))
            self._give(folder)
            if len(os.fsencode(folder)) <= _LONGEST_FOLDER and self._reaches(folder):
                return folder
            folder.rmdir()
            self._given_folder = False
        # Not the default folder for such things: TMPDIR may be long or closed, too.
        parent = "/tmp"  # noqa: S108 - mkdtemp makes a folder there that nobody else can enter
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        self._give(folder)
        return folder

    def _give(self, path: Path) -> None:
        """Make the server's account the owner of a file or folder."""
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def _subfolder(self, name: str) -> Path:
        """Make a folder inside the server's folder that belongs to the server's account."""
        path = self.folder / name
        path.mkdir(mode=0o700, exist_ok=True)
        self._give(path)
        return path

    def _write(self, name: str, text: str) -> Path:
        """Write a file inside the server's folder that only the server's account can read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        self._give(path)
        return path

    def _reaches(self, folder: Path) -> bool:
        """Say whether the server's account can use a folder."""
        if self._account is None:
            return True
        with suppress(ServerError):
            self._run(["/bin/sh", "-c", 'cd "$1" && test -w .', "sh", str(folder)])
            return True
        return False

    def _environment(self) -> dict[str, str]:
        """Return the variables for the server: few, so that no setting of ours changes it."""
        kept = {key: os.environ[key] for key in ("PATH", "TZ") if key in os.environ}
        return {
            **kept,
            "PATH": kept.get("PATH", "") + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LC_ALL": "C",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
        }

    def _run(self, command: list[str], seconds: float = 120.0) -> str:
        """Run a program to its end as the server's account and return what it printed."""
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",  # ours may be closed to the account
                env=self._environment(),
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
                user=self._account.uid if self._account else None,
                group=self._account.gid if self._account else None,
                extra_groups=[] if self._account else None,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            message = f"{self.title}: {error}."
            raise ServerError(message) from error
        if done.returncode != 0:
            said = " | ".join(line for line in done.stdout.split("\n")[-_LOG_LINES:] if line)
            name = Path(command[0]).name
            message = f"{self.title}: {name} ended with status {done.returncode} and said: {said}"
            raise ServerError(message)
        return done.stdout


_existing: set[Server] = set()


@atexit.register
def _close_all() -> None:
    """End the servers that are still there when the interpreter ends."""
    for server in tuple(_existing):
        # A forked child has copies of the objects, but the servers are its parent's.
        if server._owner == os.getpid():  # noqa: SLF001
            with suppress(ServerError, OSError):
                server.close()
