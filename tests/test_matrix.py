"""Nothing can be chosen that no test looks at: the tests are run with all choices of `cookiecutter.json`."""

from tests.live.databases import live_cells
from tests.template import BACKENDS, CELLS, CONTEXT, FRAMEWORKS, LICENSES, PROVIDERS, STYLES

# The tests take their parameters from these lists, so another choice is run without a further word; a question is not.
TESTED = {
    "database_backend": list(BACKENDS),
    "session_style": STYLES,
    "web_framework": FRAMEWORKS,
    "ci_provider": PROVIDERS,
    "license": LICENSES,
}


def test_every_choice_is_tested() -> None:
    """Who asks a further question is told here that no test answers it."""
    questions = {name: each for name, each in CONTEXT.items() if isinstance(each, list) and not name.startswith("_")}
    assert questions == TESTED


def test_every_database_is_run_or_is_said_not_to_be() -> None:
    """Each database runs on a server in each style, or its label in the prompt says that it did not."""
    offline = [cell for cell in CELLS if BACKENDS[cell[0]]["proof"] == "offline"]
    assert {*live_cells(), *offline} == set(CELLS)
    labels = CONTEXT["__prompts__"]["database_backend"]
    assert {backend for backend in BACKENDS if "not run" in labels[backend]} == {backend for backend, _ in offline}
