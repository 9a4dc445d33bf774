"""A database that is further away: a proxy that keeps what passes for a while."""

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self


class DelayProxy:
    """Passes on what clients and a server send each other, each piece some time after it came.

    A thread for each direction of a connection: they sleep more exactly than an event loop does.

    Attributes:
        port: where it listens, on the loopback interface.
    """

    def __init__(self, host: str, port: int, seconds: float) -> None:
        """Listen on a free port; `seconds` is the time that each way takes."""
        self._target = host, port
        self._seconds = seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        """Begin to accept connections."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Accept no more; a connection ends when its client closes it."""
        # A thread that waits in `accept` does not notice that its socket was closed.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            for source, target in ((client, server), (server, client)):
                target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 18):
                time.sleep(self._seconds)
                target.sendall(data)
        for each in (source, target):
            # The other direction waits for this one's end.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
