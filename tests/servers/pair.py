"""A PostgreSQL primary with a standby that follows it."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from .base import NotAnsweringError, ServerError, Startable
from .postgresql import PostgresqlServer

_POLL_SECONDS = 0.02


class PostgresqlNode(PostgresqlServer):
    """A PostgreSQL server that can begin as a copy of another one and follow it.

    Attributes:
        source: The server to copy and follow, None for one that begins empty.
    """

    source: "PostgresqlNode | None" = None

    def _create(self) -> None:
        if self.source is None:
            super()._create()
            return
        # In a file and not in the settings, which every administrator can read by SQL.
        escaped = self.password.replace("\\", "\\\\").replace(":", "\\:")
        secret = self._write("passfile", f"*:*:*:*:{escaped}\n")
        source = (
            f"host={self.source.host} port={self.source.port} user={self.source.user}"
            f" passfile='{secret}' application_name=standby_{self.port}"
        )
        self._run(
            [
                self._program("pg_basebackup"),
                f"--pgdata={self.data}",
                f"--dbname={source}",
                "--write-recovery-conf",
                "--checkpoint=fast",
                # The primary keeps what the standby has not read yet, however long it is down.
                "--create-slot",
                f"--slot=standby_{self.port}",
                "--no-password",
                *([] if self.durable else ["--no-sync"]),
            ]
        )


class PostgresqlPair(Startable):
    """A primary and a standby that follows it by streaming, both with the same account.

    Use it as a context manager, or call `start` and at the end `close`.

    Attributes:
        primary: The server that takes writes; the former standby after `promote`.
        standby: The server that is read only; the former primary after `promote`, which is then no
            standby until `rejoin` made it one.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        options: Mapping[str, str] | None = None,
        durable: bool = False,
        password: str | None = None,
    ) -> None:
        """Choose ports and password; nothing is started yet.

        Args:
            folder: As for `Server`.
            options: Further settings of both servers.
            durable: As for `Server`.
            password: As for `Server`; the same for both servers.

        Raises:
            ServerError: PostgreSQL cannot be run here.
        """
        self.primary = PostgresqlNode(folder, options=options, durable=durable, password=password)
        self.standby = PostgresqlNode(folder, options=options, durable=durable, password=self.primary.password)
        self.standby.source = self.primary

    @classmethod
    def missing(cls) -> str | None:
        """Say why the pair cannot be run on this machine.

        Returns:
            One sentence, or None when it can be run.
        """
        return PostgresqlServer.missing()

    @property
    def servers(self) -> tuple[PostgresqlNode, PostgresqlNode]:
        """The primary and the standby."""
        return self.primary, self.standby

    def start(self) -> None:
        """Start the primary, then the standby, and wait until it follows.

        Raises:
            ServerError: One of them does not start.
        """
        self.primary.start()
        self.standby.start()
        self.wait_until_replayed()

    def wait_until_replayed(self, seconds: float = 10.0) -> None:
        """Wait until the standby shows everything that the primary has committed before.

        Args:
            seconds: How long to wait at most.

        Raises:
            NotAnsweringError: One of the servers cannot be reached.
            ServerError: The standby lags behind still.
        """
        # A commit is reported when it is flushed. What is inserted beyond that (the end of a
        # new page's header, for one) may not be sent before somebody commits again.
        position = self.primary.query("SELECT pg_current_wal_flush_lsn()")[0][0]
        sql = f"SELECT pg_last_wal_replay_lsn() >= '{position}'"
        deadline = time.monotonic() + seconds
        while self.standby.query(sql) != [(True,)]:
            if time.monotonic() > deadline:
                message = f"The standby has not caught up within {seconds:g} seconds."
                raise ServerError(message)
            time.sleep(_POLL_SECONDS)

    def promote(self, seconds: float = 10.0) -> PostgresqlNode:
        """Make the standby the primary; what becomes of the old primary is left to the caller.

        Args:
            seconds: How long to wait at most until it takes writes.

        Returns:
            The new primary.

        Raises:
            NotAnsweringError: The standby cannot be reached.
            ServerError: It takes no writes still.
        """
        self.standby.query("SELECT pg_promote(false)")
        deadline = time.monotonic() + seconds
        while self.standby.query("SELECT pg_is_in_recovery()") != [(False,)]:
            if time.monotonic() > deadline:
                message = f"The standby takes no writes {seconds:g} seconds after its promotion."
                raise ServerError(message)
            time.sleep(_POLL_SECONDS)
        self.primary, self.standby = self.standby, self.primary
        return self.primary

    def rejoin(self) -> PostgresqlNode:
        """Make the old primary, as a new copy, the standby of the new one.

        What it had committed and not passed on before `promote` is lost.

        Returns:
            The new standby.

        Raises:
            ServerError: It does not start.
        """
        self.standby.kill()
        self.standby.source, self.primary.source = self.primary, None
        shutil.rmtree(self.standby.data, ignore_errors=True)
        self.standby.forget()
        try:
            self.standby.start()
            self.wait_until_replayed()
        except NotAnsweringError as error:
            message = f"The standby does not follow: {error}."
            raise ServerError(message) from error
        return self.standby

    def close(self) -> None:
        """End both servers for good and remove their data.

        Raises:
            ServerError: One of them cannot be ended.
        """
        try:
            self.standby.close()
        finally:
            self.primary.close()
