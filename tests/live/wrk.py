"""Puts a load on a service with `wrk`, and reads what it says."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx2

ANSWERS = Path(__file__).with_name("scripts") / "answers.lua"
# wrk counts a request as timed out after this; the service gives up waiting after 10 seconds.
TIMEOUT_SECONDS = 15


@dataclass(frozen=True)
class Load:
    """What a run of wrk saw."""

    served: int
    """Answers of success."""
    refused: int
    """Answers of 503 with `Retry-After`."""
    others: int
    """All other answers, socket errors and timeouts."""

    @property
    def requests(self) -> int:
        """All requests."""
        return self.served + self.refused + self.others


def missing() -> str | None:
    """Say in one sentence why no load can be made; None when it can."""
    return None if shutil.which("wrk") else "wrk is not installed: `apt-get install wrk` (Debian and Ubuntu) does it."


def load(client: httpx2.Client, path: str, clients: int, seconds: int) -> Load:
    """Ask the service of the client for a path over and over, from many connections at once."""
    options = ["--threads", "1", "--connections", str(clients), "--duration", f"{seconds}s"]
    url = str(client.base_url).rstrip("/") + path
    command = ["wrk", *options, "--timeout", f"{TIMEOUT_SECONDS}s", "--script", str(ANSWERS), url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    return read(done.stdout)


def read(text: str) -> Load:
    """Read what wrk printed.

    Raises:
        ValueError: it is not what wrk prints.
    """
    answers = re.search(r"Answers: (\d+) served, (\d+) refused, (\d+) others", text)
    if not answers:
        raise ValueError(f"not a report of wrk: {text}")
    served, refused, others = map(int, answers.groups())
    socket = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return Load(served, refused, others + (sum(map(int, socket.groups())) if socket else 0))
