"""A proxy between a service and its database that counts the round trips."""

import selectors
import socket
import threading
from types import TracebackType
from typing import Self


class CountingProxy:
    """Passes on what a client and a database server send each other, and counts how often the client waits.

    A round trip is what the client sends before the server answers, in however many packets; what is pipelined counts
    once.

    Attributes:
        port: where it listens, on the loopback interface.
    """

    def __init__(self, host: str, port: int) -> None:
        """Listen on a free port, and pass connections on to the given address."""
        self._target = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._peers: dict[socket.socket, socket.socket] = {}
        self._clients: set[socket.socket] = set()
        # Those whose server has spoken last, so that what they send next begins a round trip.
        self._answered: set[socket.socket] = set()
        self._count = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all connections."""
        self._closing = True
        self._thread.join()
        for end in (self._listener, *self._peers):
            end.close()
        self._selector.close()

    def take(self) -> int:
        """Return how many round trips there were since the last call."""
        count, self._count = self._count, 0
        return count

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select(0.05):
                end = key.fileobj
                assert isinstance(end, socket.socket)
                if end is self._listener:
                    self._accept()
                else:
                    self._pass_on(end)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(self._target)
        self._clients.add(client)
        self._answered.add(client)
        for end, peer in ((client, server), (server, client)):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[end] = peer
            self._selector.register(end, selectors.EVENT_READ)

    def _pass_on(self, end: socket.socket) -> None:
        if end not in self._peers:
            return
        peer = self._peers[end]
        try:
            data = end.recv(65536)
            if data and end in self._clients and end in self._answered:
                self._answered.remove(end)
                self._count += 1
            elif data and end not in self._clients:
                self._answered.add(peer)
            peer.sendall(data)
        except OSError:
            data = b""
        if not data:
            for each in (end, peer):
                self._selector.unregister(each)
                del self._peers[each]
                self._clients.discard(each)
                self._answered.discard(each)
                each.close()
