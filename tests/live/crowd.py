"""Clients that put a service under load while its database fails, and what they were answered."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import httpx2

RECOVERY_SECONDS = 10
# A request that takes longer has met no limit at all.
REQUEST_SECONDS = 60


def wait_until_ready(client: httpx2.Client, seconds: float = RECOVERY_SECONDS) -> None:
    """Ask for readiness until the service has it, for as long as a recovery may take."""
    deadline = time.monotonic() + seconds
    while (answer := client.get("/health/ready")).status_code != 200:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)


def new_user(client: httpx2.Client, name: str) -> int:
    """Create a user and return its id."""
    answer = client.post("/users", json={"email": f"{name}@example.com", "name": name})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def stored_jobs(client: httpx2.Client) -> list[tuple[str, int]]:
    """Return the title and the id of each job, page by page."""
    jobs: list[tuple[str, int]] = []
    while page := client.get("/jobs", params={"limit": 100, "after": jobs[-1][1] if jobs else 0}).json():
        jobs += [(job["title"], job["id"]) for job in page]
    return jobs


@dataclass(frozen=True)
class Answer:
    """What a client was answered."""

    begun: float
    """When it asked, by the monotonic clock."""
    came: float
    """When the answer came."""
    status: int
    wrote: bool
    """Whether it asked for a write."""

    @property
    def succeeded(self) -> bool:
        """Whether the client got what it wanted."""
        return self.status < 300


class Crowd:
    """Clients that read and write without a pause, and what they were answered."""

    def __init__(self, client: httpx2.Client, owner: int, name: str = "") -> None:
        """Start nothing yet.

        Args:
            client: of the service.
            owner: who owns the jobs that are written.
            name: begins the titles of the jobs, for a crowd that is not the only one.
        """
        self.client = client
        self._owner = owner
        self._name = name
        self._ended = threading.Event()
        self.answers: list[Answer] = []
        self.acknowledged: dict[str, int] = {}

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(answer.status for answer in self.answers)

    def end(self) -> None:
        """Let each client finish its request, and begin no other."""
        self._ended.set()

    def work(self, number: int) -> None:
        """Write a job and read a user, again and again; nothing that failed is tried again."""
        written = 0
        while not self._ended.is_set():
            title = f"{self._name}{number}-{written}"
            answer = self._ask("POST", "/jobs", {"owner_id": self._owner, "title": title})
            if answer.status_code == 201:
                self.acknowledged[title] = answer.json()["id"]
            written += 1
            self._ask("GET", f"/users/{self._owner}")

    def wait_for_answers(self, more: int, seconds: float = RECOVERY_SECONDS) -> None:
        """Wait until so many more requests were answered with success."""
        wanted = self._successes() + more
        deadline = time.monotonic() + seconds
        while self._successes() < wanted:
            assert time.monotonic() < deadline, self.statuses
            time.sleep(0.05)

    def longest_pause(self, since: float) -> float:
        """Return for how many seconds, at most, no write succeeded after a point in time."""
        writes = [answer for answer in self.answers if answer.wrote and answer.succeeded]
        moments = sorted(answer.came for answer in writes if answer.came > since)
        return max(later - earlier for earlier, later in pairwise([since, *moments]))

    def _successes(self) -> int:
        return sum(answer.succeeded for answer in self.answers)

    def _ask(self, method: str, path: str, content: object = None) -> httpx2.Response:
        begun = time.monotonic()
        answer = self.client.request(method, path, json=content)
        self.answers.append(Answer(begun, time.monotonic(), answer.status_code, method == "POST"))
        return answer


@contextmanager
def at_work(crowd: Crowd, clients: int) -> Iterator[None]:
    """Let the clients of a crowd work until the block ends, and then raise what one of them met."""
    with ThreadPoolExecutor(clients) as pool:
        working = [pool.submit(crowd.work, number) for number in range(clients)]
        try:
            yield
        finally:
            crowd.end()
        for each in working:
            each.result()
