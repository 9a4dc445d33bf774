"""The page on the hot path shows a module that works."""

from contextlib import ExitStack

from tests.live.cells import Cell
from tests.live.hot_path import hot_paths
from tests.live.service import new_user, serve
from tests.template import STYLES


def test_the_hot_path_answers_as_the_api_does(cell: Cell) -> None:
    """Rows without objects give the same answers, one by one and as a list, and 404 for a user that is not there."""
    route = cell.project.folder / "packages" / "api" / "routes" / "hot_users.py"
    route.write_text(hot_paths()[cell.style], encoding="utf-8")
    with ExitStack() as stack:
        stack.callback(route.unlink)  # other tests use the same service
        client = stack.enter_context(serve(cell.project))
        users = [new_user(client, name) for name in ("hot", "hotter")]
        for path in (f"/users/{users[0]}", f"/users?limit=2&after={users[0] - 1}"):
            answers = [client.get(prefix + path) for prefix in ("", "/hot")]
            assert [answer.status_code for answer in answers] == [200, 200]
            assert answers[0].json() == answers[1].json()
        assert client.get(f"/hot/users/{users[1] + 1_000_000}").status_code == 404


def test_the_hot_path_is_shown_for_both_styles() -> None:
    """The page has a module for each style."""
    assert sorted(hot_paths()) == sorted(STYLES)
