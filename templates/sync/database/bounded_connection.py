"""A psycopg connection with a limit for an answer, which the driver itself does not have."""

import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from psycopg import Connection, OperationalError
from psycopg.pq import TransactionStatus

if TYPE_CHECKING:
    from psycopg.abc import PQGen

Result = TypeVar("Result")


class BoundedConnection(Connection[Any]):
    """A connection that is closed when the server does not answer in time.

    The limits of the server and of TCP do not help against a frozen server, or a frozen proxy
    in front of it: its kernel keeps acknowledging packets.

    Attributes:
        read_timeout: seconds to wait for an answer, or for its next part; None for no limit.
    """

    read_timeout: int | None = None

    @classmethod
    def open(cls, *arguments: Any, read_timeout: int | None = None, **keywords: Any) -> Self:  # noqa: ANN401
        """Connect as `connect` does, within `connect_timeout`; then `read_timeout` applies."""
        connection = cls.connect(*arguments, **keywords)
        connection.read_timeout = read_timeout
        return connection

    def wait(self, gen: "PQGen[Result]", *arguments: Any, **keywords: Any) -> Result:  # noqa: ANN401
        """Let the driver wait, with a limit.

        Raises:
            psycopg.OperationalError: the limit was reached, and the connection is closed.
        """
        if self.read_timeout is not None:
            gen = self._limit(gen, self.read_timeout)
        return super().wait(gen, *arguments, **keywords)

    def _limit(self, gen: "PQGen[Result]", seconds: int) -> "PQGen[Result]":
        # The driver resumes this generator ten times a second, also when nothing has arrived.
        deadline = time.monotonic() + seconds
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                now = time.monotonic()
                if ready:
                    deadline = now + seconds
                # A connection that listens for notifications is not active, and may wait for ever.
                elif now > deadline and self.info.transaction_status == TransactionStatus.ACTIVE:
                    self.pgconn.finish()
                    raise OperationalError(f"the server has not answered for {seconds} seconds")
                wanted = gen.send(ready)
        except StopIteration as end:
            result: Result = end.value
            return result
