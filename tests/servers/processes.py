"""Look at, stop, continue and kill a whole tree of processes (Linux, through /proc).

A database server is more than one process, and its children leave the process group (every
PostgreSQL process begins a session of its own), so that a signal to the group would miss them.

The file uses the standard library only, because it is also run as a program: the watcher that
`guard` starts, which ends a server whose test process was killed without a chance to do it.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_POLL_SECONDS = 0.002


class Process(NamedTuple):
    """One line of the process table.

    Attributes:
        pid: Number of the process.
        parent: Number of its parent.
        state: One letter: R, S, D run or wait, T and t are stopped, Z and X have ended.
        started: Start time in clock ticks after boot; with the pid it names a process for ever.
    """

    pid: int
    parent: int
    state: str
    started: int

    @property
    def ended(self) -> bool:
        """Whether only the entry in the table is left, for the parent to collect."""
        return self.state in "ZX"

    @property
    def stopped(self) -> bool:
        """Whether it executes nothing any more, by SIGSTOP or because it has ended."""
        return self.state in "TtZX"


def supported() -> bool:
    """Whether this machine has the /proc that everything here reads."""
    return (_PROC / "self" / "stat").exists()


def look(pid: int) -> Process | None:
    """Read one process.

    Args:
        pid: Number of the process.

    Returns:
        The process, or None when there is none of that number.
    """
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The program's name stands in parentheses and may itself hold blanks and parentheses.
    fields = text.rpartition(")")[2].split()
    return Process(pid, int(fields[1]), fields[0], int(fields[19]))


def table() -> dict[int, Process]:
    """Read all processes of the machine.

    Returns:
        Every process by its number.
    """
    found = (look(int(entry.name)) for entry in _PROC.iterdir() if entry.name.isdigit())
    return {process.pid: process for process in found if process is not None}


def tree(pid: int) -> list[Process]:
    """Find a process and all its descendants.

    Args:
        pid: Number of the topmost process.

    Returns:
        The topmost first, every parent before its children; empty when it does not exist.
    """
    processes = table()
    found = [processes[pid]] if pid in processes else []
    for parent in found:
        found.extend(each for each in processes.values() if each.parent == parent.pid)
    return found


def orphans(program: Path, folder: Path) -> list[Process]:
    """Find processes whose parent died before them.

    Args:
        program: The file that they execute, without symbolic links.
        folder: Their working folder, without symbolic links.

    Returns:
        The processes that match both; none when the kernel does not let us look at them.
    """
    found = []
    for process in table().values():
        entry = _PROC / str(process.pid)
        # Kernel threads have no program, and other accounts' processes may be hidden from us.
        with suppress(OSError):
            if (entry / "exe").readlink() == program and (entry / "cwd").readlink() == folder:
                found.append(process)
    return found


def send(processes: Iterable[Process], number: signal.Signals) -> None:
    """Send a signal to each process, except those that have ended.

    Args:
        processes: Whom to send it to, in this order.
        number: The signal.

    Raises:
        PermissionError: A process belongs to an account that we may not signal.
    """
    for process in processes:
        now = look(process.pid)
        if now is not None and now.started == process.started and not now.ended:
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)


def alive(processes: Iterable[Process]) -> list[Process]:
    """Say which of the processes still exist (a process that only awaits its parent does not).

    Args:
        processes: The processes as they were seen before.

    Returns:
        Those that exist still, as they are now.
    """
    seen = ((process, look(process.pid)) for process in processes)
    return [now for process, now in seen if now is not None and now.started == process.started and not now.ended]


def freeze(pid: int, seconds: float = 5.0) -> bool:
    """Stop a process and all its descendants (SIGSTOP) and wait until they stand still.

    Args:
        pid: Number of the topmost process.
        seconds: How long to wait at most.

    Returns:
        Whether all of them stand still.
    """
    deadline = time.monotonic() + seconds
    while True:
        # Parents first, and again until nothing moves: who is not stopped yet can start another.
        moving = [process for process in tree(pid) if not process.stopped]
        if not moving:
            return True
        if time.monotonic() > deadline:
            return False
        send(moving, signal.SIGSTOP)
        time.sleep(_POLL_SECONDS)


def thaw(pid: int) -> None:
    """Let a process and all its descendants go on after `freeze`.

    Args:
        pid: Number of the topmost process.
    """
    # Children first: a parent that wakes up beside stopped children may find them unresponsive.
    send(reversed(tree(pid)), signal.SIGCONT)


def kill(pid: int, others: Iterable[Process] = (), seconds: float = 10.0) -> bool:
    """Kill a process and all its descendants (SIGKILL) and wait until they are gone.

    The process itself stays in the table until its parent collects it.

    Args:
        pid: Number of the topmost process.
        others: Further processes to kill.
        seconds: How long to wait at most.

    Returns:
        Whether all of them are gone.
    """
    freeze(pid)  # so that none of them starts another one while we count
    victims = [*tree(pid), *others]
    send(victims, signal.SIGKILL)
    deadline = time.monotonic() + seconds
    while alive(victims):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def unlock(data: Path) -> None:
    """Remove the lock file of a killed PostgreSQL server and the memory segment that it names.

    Nobody else would remove the segment if the server is not started again. Do nothing for other
    servers and for those that ended in order.

    Args:
        data: The server's data folder.
    """
    lock = data / "postmaster.pid"
    remover = shutil.which("ipcrm")
    try:
        lines = lock.read_text().split("\n")
        lock.unlink()
    except OSError:
        return
    # The seventh line holds the segment's key and its number, the latter of which we need.
    segment = "".join(lines[6:7]).split()[-1:]
    if segment and remover:
        subprocess.run([remover, "-m", *segment], capture_output=True, check=False, timeout=10)


class Guard:
    """A watcher process that kills a server when this process ends without having done so.

    It waits for the end of a pipe, which the kernel brings about however this process ends. The
    kernel's own means, PR_SET_PDEATHSIG, would also fire when the *thread* that started the server
    ends, and it needs code between fork and exec, which is not safe beside other threads.
    """

    def __init__(self, pid: int, data: Path, folder: Path | None = None) -> None:
        """Start to watch.

        Args:
            pid: The server's topmost process.
            data: The server's data folder.
            folder: A folder to remove after the server was killed.

        Raises:
            OSError: The watcher cannot be started.
        """
        command = [sys.executable, "-I", "-S", __file__, str(pid), str(data), str(folder or "")]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal must not end it
        )

    @property
    def pid(self) -> int:
        """Number of the watcher process."""
        return self._process.pid

    def release(self) -> None:
        """End the watch; the server is left alone."""
        with suppress(OSError):
            self._process.communicate(b"released\n", timeout=5)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def _watch(arguments: list[str]) -> None:
    """Be the watcher: wait for the pipe's end, then kill; any text in the pipe means no."""
    pid, data, folder = int(arguments[0]), arguments[1], arguments[2]
    first = look(pid)
    if sys.stdin.buffer.read() or first is None:
        return
    kill(pid, [first])
    unlock(Path(data))
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _watch(sys.argv[1:])
