"""A private Redis, for queues of jobs."""

import socket
from typing import ClassVar

from .base import QUERY_SECONDS, Row, Server
from .machine import program

CONFIGURATION = """
bind {server.host}
port {server.port}
requirepass {server.password}
dir {server.data}
save ""
"""


class RedisServer(Server):
    """A broker that keeps its data in memory only; it has one account, `default`."""

    name = "redis"
    title = "Redis"
    accounts = ("redis",)
    programs = ("redis-server",)
    driver_error: ClassVar[type[Exception]] = OSError

    @property
    def url(self) -> str:
        """The URL, with the password."""
        return f"redis://:{self.password}@{self.host}:{self.port}/0"

    def query(self, sql: str, database: str | None = None) -> list[Row]:
        """Send one command, whose answer must be short, and return its text; see `Server.query`."""
        del database
        with socket.create_connection((self.host, self.port), QUERY_SECONDS) as connection:
            connection.sendall(f"AUTH {self.password}\r\n{sql}\r\nQUIT\r\n".encode())
            with connection.makefile() as answer:
                return [(answer.read(),)]

    def _create(self) -> None:
        self.place.make_folder("data")
        self.place.write("data/redis.conf", CONFIGURATION.format(server=self))

    def _command(self) -> list[str]:
        return [str(program("redis-server")), f"{self.data}/redis.conf"]

    def _version(self) -> str:
        answer = str(self.query("INFO server")[0][0])
        return answer.partition("redis_version:")[2].partition("\n")[0].strip()
