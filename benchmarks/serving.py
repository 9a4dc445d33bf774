"""Services as processes that answer HTTP, and the processor time that they take."""

import http.client
import itertools
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.rig import Service
from tests.servers.machine import free_port
from tests.template import plain_environment

START_SECONDS = 60
# Clients that wait for their turn stay connected.
OPTIONS = ["--log-level", "warning", "--timeout-keep-alive", "600"]
KEYS = 100
WARM_UP = 5
NEW = itertools.count(1)


@dataclass(frozen=True)
class Request:
    """A request; `{number}` in its path and body counts from 1 to 100, `{new}` in its body is a new one each time."""

    method: str
    path: str
    body: object = None
    exact: bool = False
    """Whether the path is not one of the service's users, so that it has no prefix."""

    def numbered(self, number: int) -> tuple[str, str, bytes | None]:
        """Return method, path and body of the request with a number."""
        text = str(number % KEYS + 1)
        path = self.path.replace("{number}", text)
        if self.body is None:
            return self.method, path, None
        # A change to what is stored already would be no change, and no statement.
        body = json.dumps(self.body).replace("{number}", text).replace("{new}", str(next(NEW)))
        return self.method, path, body.encode()


class Served:
    """A running service.

    Attributes:
        service: what runs.
        port: where it answers, on the loopback interface.
    """

    def __init__(self, service: Service) -> None:
        """Start it with one worker process, as `uvicorn` does by default, and wait until it answers."""
        self.service = service
        self.port = free_port()
        self._log = service.project.folder / f"uvicorn-{self.port}.log"
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(service.project.bin / "uvicorn"), service.app, "--port", str(self.port), *OPTIONS],
                cwd=service.project.folder,
                env={**plain_environment(), **service.project.env, **service.env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.close()
                    raise RuntimeError(f"{service.title} does not start: {self._log.read_text()}") from None
                time.sleep(0.05)
        self._client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def close(self) -> None:
        """End it; one that has stopped dead ends in no order."""
        self._process.kill()
        self._process.wait()

    def ask(self, request: Request, number: int = 0) -> bytes:
        """Send a request, and return the body of its answer.

        Raises:
            RuntimeError: it was not answered with 2xx.
        """
        method, path, body = request.numbered(number)
        prefix = "" if request.exact else self.service.prefix
        self._client.request(method, prefix + path, body, {"content-type": "application/json"})
        answer = self._client.getresponse()
        content = answer.read()
        if answer.status not in range(200, 300):
            raise RuntimeError(f"{self.service.title}: {method} {path}: {answer.status} {content!r}")
        return content

    def processor_seconds(self) -> float:
        """Return the processor time that the process has taken, with all its threads."""
        # What `clock_getcpuclockid` of the C library returns for a process; Python has no name for it.
        return time.clock_gettime((~self._process.pid << 3) | 2)

    def micros(self, request: Request, count: int) -> float:
        """Send a request some times, one after the other, and return the processor time of each, in microseconds."""
        for number in range(WARM_UP):
            self.ask(request, number)
        begun = self.processor_seconds()
        for number in range(count):
            self.ask(request, number)
        return (self.processor_seconds() - begun) / count * 1e6


@contextmanager
def served(service: Service) -> Iterator[Served]:
    """Run a service until the block ends."""
    process = Served(service)
    try:
        yield process
    finally:
        process.close()
