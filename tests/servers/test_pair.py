"""Tests of the PostgreSQL primary with its standby."""

from collections.abc import Iterator

import psycopg
import pytest

from . import PostgresqlPair, ServerError

NASTY = 'it\'s "p@ss/w:rd%#" \\ back'


@pytest.fixture(scope="module")
def pair() -> Iterator[PostgresqlPair]:
    """Provide a pair, one for all tests of the module, with a password that needs care."""
    reason = PostgresqlPair.missing()
    if reason is not None:
        pytest.skip(reason)
    with PostgresqlPair(password=NASTY) as pair:
        yield pair


def connect(pair: PostgresqlPair, attributes: str) -> psycopg.Connection:
    """Connect to whichever of both servers is as wanted, the standby named first."""
    hosts = [pair.standby, pair.primary]
    return psycopg.connect(
        host=",".join(server.host for server in hosts),
        port=",".join(str(server.port) for server in hosts),
        user=pair.primary.user,
        password=pair.primary.password,
        dbname="postgres",
        connect_timeout=5,
        target_session_attrs=attributes,
        autocommit=True,
    )


def test_the_standby_follows_and_takes_no_writes(pair: PostgresqlPair) -> None:
    """What the primary commits the standby shows, also after it was down."""
    pair.primary.query("CREATE TABLE followed (n INTEGER)")
    pair.wait_until_replayed()
    assert pair.standby.query("SELECT * FROM followed") == []
    pair.standby.stop()
    pair.primary.query("INSERT INTO followed VALUES (1)")
    pair.standby.start()
    pair.wait_until_replayed()
    assert pair.standby.query("SELECT * FROM followed") == [(1,)]
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        pair.standby.query("INSERT INTO followed VALUES (2)")


def test_a_client_finds_the_server_it_needs(pair: PostgresqlPair) -> None:
    """A list of hosts leads to the primary or to the standby, as asked."""
    with connect(pair, "read-write") as connection:
        assert connection.info.port == pair.primary.port
    with connect(pair, "standby") as connection:
        assert connection.info.port == pair.standby.port


def test_waiting_for_a_paused_standby_is_bounded(pair: PostgresqlPair) -> None:
    """The error comes in time, and the standby catches up once it can."""
    pair.standby.query("SELECT pg_wal_replay_pause()")
    pair.primary.query("CREATE TABLE late (n INTEGER)")
    with pytest.raises(ServerError, match=r"not caught up within 0.2 seconds"):
        pair.wait_until_replayed(0.2)
    pair.standby.query("SELECT pg_wal_replay_resume()")
    pair.wait_until_replayed()


def test_the_standby_takes_over_and_the_old_primary_comes_back(pair: PostgresqlPair) -> None:
    """After a crash of the primary the same list of hosts leads to the new one, and back."""
    pair.primary.query("CREATE TABLE kept (n INTEGER)")
    for number in range(2):
        pair.primary.query(f"INSERT INTO kept VALUES ({number})")  # noqa: S608
        pair.wait_until_replayed()
        old, new = pair.servers
        old.kill()
        with pytest.raises(psycopg.OperationalError):
            connect(pair, "read-write")
        assert pair.promote() is new
        assert pair.servers == (new, old)
        with connect(pair, "read-write") as connection:
            assert connection.info.port == new.port
            assert len(connection.execute("SELECT * FROM kept").fetchall()) == number + 1
        assert pair.rejoin() is old
        assert len(old.query("SELECT * FROM kept")) == number + 1


def test_nothing_is_left() -> None:
    """At the end of the context neither processes nor data exist."""
    if PostgresqlPair.missing() is not None:
        pytest.skip(str(PostgresqlPair.missing()))
    with PostgresqlPair() as pair:
        assert all(server.running for server in pair.servers)
    assert not any(server.running or server.folder.exists() for server in pair.servers)
