"""Puts a load on a service with `wrk`, and reads what it says."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx2

ANSWERS = Path(__file__).with_name("scripts") / "answers.lua"
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
# wrk counts a request as timed out after this; the service gives up waiting after 10 seconds.
TIMEOUT_SECONDS = 15


@dataclass(frozen=True)
class Load:
    """What a run of wrk saw."""

    requests: int
    per_second: float
    p99_seconds: float
    errors: int
    """Answers other than 2xx and 3xx, socket errors and timeouts."""
    served: int
    """Answers of success."""
    refused: int
    """Answers of 503 that say when to come back."""
    unfit: int
    """All other answers, socket errors and timeouts."""


def missing() -> str | None:
    """Say in one sentence why no load can be made; None when it can."""
    return None if shutil.which("wrk") else "wrk is not installed: `apt-get install wrk` (Debian and Ubuntu) does it."


def load(client: httpx2.Client, path: str, clients: int, seconds: int) -> Load:
    """Ask for a path over and over, from many connections at once.

    Args:
        client: of the service; names its address.
        path: what is asked for.
        clients: connections, each with one request at a time.
        seconds: how long.
    """
    options = ["--threads", "1", "--connections", str(clients), "--duration", f"{seconds}s"]
    limit = ["--timeout", f"{TIMEOUT_SECONDS}s", "--latency"]
    url = str(client.base_url).rstrip("/") + path
    command = ["wrk", *options, *limit, "--script", str(ANSWERS), url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    return read(done.stdout)


def read(text: str) -> Load:
    """Read what wrk printed.

    Raises:
        ValueError: it is not what wrk prints.
    """
    total = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", text)
    if not (total and rate and p99):
        raise ValueError(f"not a report of wrk: {text}")
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    socket = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    errors = [int(count) for match in (other, socket) if match for count in match.groups()]
    answers = re.search(r"Answers: (\d+) served, (\d+) refused, (\d+) unfit", text)
    if not answers:
        raise ValueError(f"not a report of wrk: {text}")
    served, refused, unfit = map(int, answers.groups())
    failures = sum(map(int, socket.groups())) if socket else 0
    seconds = float(p99[1]) * UNITS[p99[2]]
    return Load(int(total[1]), float(rate[1]), seconds, sum(errors), served, refused, unfit + failures)
