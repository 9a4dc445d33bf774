"""Freeze and kill whole trees of processes, and the watcher that ends a server whose test process is gone (Linux).

A signal to a process group would miss most of a database server: every PostgreSQL process begins a session of its own.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

END_SECONDS = 10.0
FREEZE_SECONDS = 5.0


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.02) -> bool:
    """Ask for a condition until it holds, for at most so many seconds; return whether it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def tree(pid: int) -> list[psutil.Process]:
    """Return a process and its descendants, every parent before its children; empty when it does not exist."""
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def in_state(processes: Iterable[psutil.Process], *states: str) -> bool:
    """Say whether each process is in one of the states, or has ended; a zombie has."""

    def state(process: psutil.Process) -> str:
        try:
            return process.status()
        except psutil.NoSuchProcess:
            return psutil.STATUS_DEAD

    return all(state(process) in {psutil.STATUS_DEAD, psutil.STATUS_ZOMBIE, *states} for process in processes)


def freeze(pid: int) -> bool:
    """Send SIGSTOP to a process and its descendants; return whether all are stopped in time."""

    def still() -> bool:
        # A process that is not stopped yet can start another one, so the tree is read again each time.
        moving = [each for each in tree(pid) if not in_state([each], psutil.STATUS_STOPPED)]
        for process in moving:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        return not moving

    return wait_until(still, FREEZE_SECONDS, 0.002)


def thaw(pid: int) -> None:
    """Send SIGCONT to a process and its descendants, children first, so that no parent finds its children silent."""
    for process in reversed(tree(pid)):
        with suppress(psutil.NoSuchProcess):
            process.resume()


def kill(pid: int) -> bool:
    """Send SIGKILL to a process and its descendants; return whether all have ended in time."""
    freeze(pid)  # so that none of them starts another one in between
    victims = tree(pid)
    for process in victims:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return wait_until(lambda: in_state(victims), END_SECONDS, 0.002)


def unlock(data: Path) -> None:
    """Remove the lock file of a killed PostgreSQL server, and the shared memory that only this file names."""
    lock = data / "postmaster.pid"
    if lock.exists():
        segment = lock.read_text(encoding="utf-8").splitlines()[6:7]
        lock.unlink()
        if segment:
            subprocess.run(["ipcrm", "-m", segment[0].split()[-1]], capture_output=True, check=False, timeout=10)


def watch(pid: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a process that kills a server and removes its folder when this process has ended, however it ended.

    It waits for the end of a pipe. `PR_SET_PDEATHSIG` would not reach the server's children, and it also fires when
    only the thread ends that started the server. Text in the pipe ends the watch.
    """
    return subprocess.Popen(
        [sys.executable, "-I", __file__, str(pid), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C in the terminal must not end it
    )


if __name__ == "__main__":
    server, home = psutil.Process(int(sys.argv[1])), Path(sys.argv[2])
    if not sys.stdin.buffer.read() and server.is_running():
        kill(server.pid)
        unlock(home / "data")
        shutil.rmtree(home, ignore_errors=True)
