"""Proxies between a service and its database: the plain one, and one that counts the round trips."""

import socket
import threading
from contextlib import suppress
from typing import Self


class Proxy:
    """Passes on what clients and a server send each other, with a thread for each direction of a connection.

    Attributes:
        port: where it listens, on the loopback interface.
    """

    def __init__(self, host: str, port: int) -> None:
        """Listen on a free port, and pass connections on to the given address."""
        self._target = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        """Begin to accept connections."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Accept no more; a connection ends when its client closes it."""
        # A thread that waits in `accept` does not notice that its socket was closed.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _meet(self, client: socket.socket, *, from_client: bool) -> None:
        """Meet a piece before it is passed on."""

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            for source, target in ((client, server), (server, client)):
                target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass_on, args=(source, target, client), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 18):
                self._meet(client, from_client=source is client)
                target.sendall(data)
        for each in (source, target):
            # The other direction waits for this one's end.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


class CountingProxy(Proxy):
    """Counts how often clients wait for the server.

    A round trip is what the client sends before the server answers, in however many packets; what is pipelined counts
    once.
    """

    def __init__(self, host: str, port: int) -> None:
        """Count from zero."""
        super().__init__(host, port)
        self._lock = threading.Lock()
        self._waiting: set[socket.socket] = set()
        self._count = 0

    def take(self) -> int:
        """Return how many round trips there were since the last call."""
        with self._lock:
            count, self._count = self._count, 0
        return count

    def _meet(self, client: socket.socket, *, from_client: bool) -> None:
        with self._lock:
            if not from_client:
                self._waiting.discard(client)
            elif client not in self._waiting:
                self._waiting.add(client)
                self._count += 1
