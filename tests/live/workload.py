"""Many clients of a rendered API at once, on one thread, and what they were answered."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self, TypeVar

import httpx2

from tests.live.service import RECOVERY_SECONDS, new_user

# A request that takes longer has met no limit at all.
REQUEST_SECONDS = 60
# The status of a request that was not answered at all: refused, cut off, or too late.
NO_ANSWER = 0

Note = Callable[[str, object], None]
Service = TypeVar("Service")


@dataclass(frozen=True)
class Answer:
    """What the service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return what the body says."""
        return json.loads(self.body)


NOTHING = Answer(NO_ANSWER, {}, b"")


class Connection:
    """A client with a connection of its own, which it keeps; far cheaper than a client that can do everything."""

    def __init__(self, client: httpx2.Client) -> None:
        """Connect to nobody yet; the client of the service names its address."""
        self.host = client.base_url.host
        self.port = client.base_url.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, content: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request, and return the answer; `NOTHING` when there is none."""
        body = b"" if content is None else json.dumps(content).encode()
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                return await self._ask(method, path, body, headers or {})
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            self.close()
            return NOTHING

    async def _ask(self, method: str, path: str, body: bytes, more: Mapping[str, str]) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self._streams
        head = f"{method} {path} HTTP/1.1\r\nhost: {self.host}\r\ncontent-type: application/json\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in more.items())
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        content = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.close()
        return Answer(int(first.split()[1]), headers, content)

    def close(self) -> None:
        """Close the connection; the next request opens another one."""
        if self._streams:
            self._streams[1].close()
        self._streams = None


@dataclass(frozen=True)
class Outcome:
    """How one request of a workload ended, and when, on the clock of `time.monotonic`."""

    client: int
    begun: float
    ended: float
    status: int
    wrote: bool
    """Whether it asked for a write."""
    in_doubt: bool
    """Whether the service said that a commit was lost on the way, with a 503 that asks for no other try."""

    @property
    def failed(self) -> bool:
        """Whether it was no success."""
        return not 200 <= self.status < 300


class Workload:
    """Clients that write and read without a pause, in a thread of their own, while the block runs.

    Each writes a job and reads its owner, again and again. Nothing that failed is tried again, so a title that is
    stored twice was stored twice by the service.
    """

    def __init__(self, client: httpx2.Client, clients: int) -> None:
        """Create the owner of the jobs, and start nothing yet; each of the clients has one request at a time."""
        self.client = client
        self.owner = new_user(client, "owner")
        self._connections = [Connection(client) for _ in range(clients)]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()))
        self.outcomes: list[Outcome] = []
        self.acknowledged: dict[str, int] = {}

    def __enter__(self) -> Self:
        """Let all clients begin."""
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Let each client finish its request, and begin no other."""
        self._ended.set()
        self._thread.join()

    async def _work(self) -> None:
        await asyncio.gather(*(self._client(number) for number in range(len(self._connections))))

    async def _client(self, number: int) -> None:
        written = 0
        while not self._ended.is_set():
            title = f"{self.owner}-{number}-{written}"
            answer = await self._ask(number, "POST", "/jobs", {"owner_id": self.owner, "title": title})
            if answer.status == 201:
                self.acknowledged[title] = answer.json()["id"]
            written += 1
            await self._ask(number, "GET", f"/users/{self.owner}")
        self._connections[number].close()

    async def _ask(self, number: int, method: str, path: str, content: object = None) -> Answer:
        begun = time.monotonic()
        answer = await self._connections[number].ask(method, path, content)
        in_doubt = answer.status == 503 and "retry-after" not in answer.headers
        self.outcomes.append(Outcome(number, begun, time.monotonic(), answer.status, method == "POST", in_doubt))
        return answer

    def wait_for_answers(self, each: int, seconds: float = RECOVERY_SECONDS) -> None:
        """Wait until each client was answered with success so many more times, for as long as a recovery may take."""
        since = time.monotonic()
        deadline = since + seconds
        while True:
            counts = Counter(one.client for one in list(self.outcomes) if one.begun >= since and not one.failed)
            if len(counts) == len(self._connections) and min(counts.values()) >= each:
                return
            assert time.monotonic() < deadline, (self.statuses, len(counts))
            time.sleep(0.05)

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(one.status for one in list(self.outcomes))

    @property
    def in_doubt(self) -> int:
        """How many requests were answered that nobody knows whether their COMMIT was stored."""
        return sum(one.in_doubt for one in list(self.outcomes))

    @property
    def failed(self) -> int:
        """How many requests failed beside those in doubt."""
        return sum(one.failed for one in list(self.outcomes)) - self.in_doubt

    @property
    def slowest(self) -> float:
        """How many seconds the longest request took."""
        return max(one.ended - one.begun for one in list(self.outcomes))

    def longest_pause(self, since: float) -> float:
        """Return for how many seconds, at most, no write succeeded after a point in time."""
        moments = sorted(one.ended for one in self.outcomes if one.wrote and not one.failed and one.ended > since)
        return max(later - earlier for earlier, later in pairwise([since, *moments]))

    def check(self, jobs: Sequence[tuple[str, int]], *others: int) -> None:
        """Check that each acknowledged write is among the stored jobs of the owner, and none twice.

        A request that failed has a 503, or one of the other statuses.
        """
        assert self.acknowledged
        assert self.acknowledged.items() - set(jobs) == set()
        assert len({title for title, _ in jobs}) == len(jobs)
        assert set(self.statuses) <= {200, 201, 503, *others}

    def report(self, note: Note, fault: str, service: str, since: float) -> None:
        """Record a line for the summary of the run: what the clients saw of a fault, since it struck."""
        seconds = (f"{self.longest_pause(since):.1f}", f"{self.slowest:.1f}")
        counts = (len(self._connections), len(self.outcomes), self.failed, self.in_doubt)
        note("fault", " | ".join(map(str, (fault, service, *counts, *seconds))))


@contextmanager
def under_load(
    services: Mapping[Service, httpx2.Client], clients: int, answers: int
) -> Iterator[dict[Service, Workload]]:
    """Serve so many clients of each service while the block runs, which begins when each has had some answers."""
    with ExitStack() as stack:
        workloads = {name: stack.enter_context(Workload(client, clients)) for name, client in services.items()}
        for workload in workloads.values():
            workload.wait_for_answers(answers)
        yield workloads
