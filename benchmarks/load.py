"""Puts a load on a service with `wrk`, and reads what it says."""

import re
import shutil
import subprocess
from dataclasses import dataclass

from benchmarks.serving import Served

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
# A service may let a request wait for ten seconds.
TIMEOUT_SECONDS = 15


@dataclass(frozen=True)
class Load:
    """What a run of wrk saw: requests a second, milliseconds, and failed requests of any kind."""

    rate: float
    p50: float
    p99: float
    errors: int


def missing() -> str | None:
    """Say in one sentence why no load can be made; None when it can."""
    return None if shutil.which("wrk") else "wrk is not installed: `apt-get install wrk` (Debian and Ubuntu) does it."


def load(process: Served, path: str, clients: int, seconds: int) -> Load:
    """Ask for a path over and over, with so many clients at once, each with one request at a time."""
    url = f"http://127.0.0.1:{process.port}{process.service.prefix}{path}"
    options = ["--threads", "1", "--connections", str(clients), "--duration", f"{seconds}s"]
    command = ["wrk", *options, "--timeout", f"{TIMEOUT_SECONDS}s", "--latency", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    return read(done.stdout)


def read(text: str) -> Load:
    """Read what wrk printed.

    Raises:
        ValueError: it is not what wrk prints.
    """
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    p50, p99 = (re.search(rf"\s{share}%\s+([\d.]+)(us|ms|s|m)\b", text) for share in (50, 99))
    if not (rate and p50 and p99):
        raise ValueError(f"not a report of wrk: {text}")
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    socket = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    errors = sum(int(count) for match in (other, socket) if match for count in match.groups())
    p50_ms, p99_ms = (float(match[1]) * UNITS[match[2]] for match in (p50, p99))
    return Load(float(rate[1]), p50_ms, p99_ms, errors)
