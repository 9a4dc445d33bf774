"""A database that is further away: a proxy that keeps what passes for a while."""

import socket
import time

from tests.live.proxy import Proxy


class DelayProxy(Proxy):
    """Passes on each piece some time after it came: its threads sleep more exactly than an event loop does."""

    def __init__(self, host: str, port: int, seconds: float) -> None:
        """Listen on a free port; `seconds` is the time that each way takes."""
        super().__init__(host, port)
        self._seconds = seconds

    def _meet(self, client: socket.socket, *, from_client: bool) -> None:
        del client, from_client
        time.sleep(self._seconds)
