"""A process that forks after it has used the engine shares no connection with its children."""

import json
from itertools import combinations

from tests.live.cells import Cell
from tests.live.scripts import put_script

CHILDREN = 4
QUERIES = 200


def test_forked_processes_get_their_own_rows(cell: Cell) -> None:
    """Four children and their parent ask at once: each gets its own rows, over connections that nobody else has."""
    report = json.loads(cell.project.run("python", put_script(cell.project, cell.style, "forks")).stdout)
    asked = [report["meanwhile"], *report["children"]]
    assert len(asked) == CHILDREN + 1
    for number, each in enumerate(asked):
        assert each["values"] == list(range(number * QUERIES, (number + 1) * QUERIES))
    for one, another in combinations(asked, 2):
        assert not set(one["numbers"]) & set(another["numbers"])
    # The parent goes on with the connections that it had.
    assert report["after"] == report["before"]
    assert set(report["meanwhile"]["numbers"]) <= set(report["before"]["numbers"])
