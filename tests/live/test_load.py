"""More clients than connections and threads: the service answers all of them."""

import pytest

from tests.live import wrk
from tests.live.cells import Cell
from tests.live.scripts import put_script
from tests.live.service import new_user, serve
from tests.template import STYLES

SECONDS = 3
SUMMARY = """\
  3913 requests in 3.01s, 1.12MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 13
Answers: 3900 served, 7 refused, 6 others
"""


POSTGRESQL = pytest.mark.parametrize("cell", [("postgresql", style) for style in STYLES], ids="-".join, indirect=True)


@POSTGRESQL
def test_no_request_fails_under_many_clients(cell: Cell) -> None:
    """64 and 256 clients at once, where the usual tutorial's service stops dead: every request is answered."""
    if reason := wrk.missing():
        pytest.skip(reason)
    with serve(cell.project) as client:
        path = f"/users/{new_user(client, 'load')}"
        user = client.get(path).json()
        for clients in (64, 256):
            load = wrk.load(client, path, clients, SECONDS)
            assert load.served == load.requests > clients, load
        # Nothing is left waiting.
        assert client.get(path).json() == user
        assert client.get("/health/ready").status_code == 200


@POSTGRESQL
def test_two_sessions_in_one_request_starve_nobody(cell: Cell) -> None:
    """64 clients whose requests hold two connections at once: the overflow is theirs, and every request is answered."""
    if reason := wrk.missing():
        pytest.skip(reason)
    put_script(cell.project, cell.style, "endings", "cancelling")
    with serve(cell.project, app="cancelling:app") as client:
        load = wrk.load(client, f"/endings/twice/{new_user(client, 'twice')}", 64, SECONDS)
        assert load.served == load.requests > 64, load


def test_every_kind_of_error_is_counted() -> None:
    """A failed connect, read or write, a timeout, and an answer that is no success; no other text is a report."""
    assert wrk.read(SUMMARY) == wrk.Load(served=3900, refused=7, others=6 + 10)
    with pytest.raises(ValueError, match="not a report"):
        wrk.read("unable to connect")
