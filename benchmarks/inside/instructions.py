"""Runs under Valgrind in a service's folder: calls the application itself, without a server or a network in front.

    python instructions.py MODULE PATH COUNT AT_ONCE

It sends so many requests `GET PATH/1`, `GET PATH/2` and so on, some of them at once.
"""

import asyncio
import importlib
import sys
from typing import Any

sys.path.insert(0, "")

KEYS = 100
Message = dict[str, Any]


async def ask(app: Any, path: str) -> None:  # noqa: ANN401 - any ASGI application
    """Send one request and check the status of its answer."""
    received: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        if received:
            return received.pop()
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody ends this future")

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }
    await app(scope, receive, send)
    if sent[0]["status"] != 200:
        raise RuntimeError(f"{path}: {sent}")


async def main(module: str, path: str, count: int, at_once: int) -> None:
    """Send the requests."""
    app = importlib.import_module(module).app
    async with app.router.lifespan_context(app):
        for first in range(0, count, at_once):
            await asyncio.gather(*(ask(app, f"{path}/{number % KEYS + 1}") for number in range(first, first + at_once)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
