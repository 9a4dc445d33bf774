"""The table of backends: a row a backend, a column a fact."""

import re
from typing import Any

import pytest
from sqlalchemy import make_url

from tests.template import BACKENDS, CONTEXT, STYLES, TEMPLATE

ROWS = [pytest.param(row, id=name) for name, row in BACKENDS.items()]


def columns(value: object) -> object:
    """Return the names of a row's columns, nested ones included, where they must be the same in all rows."""
    if not isinstance(value, dict):
        return None
    free = {"connect_args", "migration_connect_args", "tls", "table_options", "container_environment", "ci_environment"}
    return {name: None if name in free else columns(nested) for name, nested in value.items()}


def test_choices_are_the_rows() -> None:
    """Each database in the prompt has a row, each row is offered, and each has a label."""
    assert CONTEXT["database_backend"] == list(BACKENDS)
    assert set(CONTEXT["__prompts__"]["database_backend"]) == {"__prompt__", *BACKENDS}


def test_each_choice_has_a_label() -> None:
    """No question shows a bare name where others explain themselves."""
    for question, choices in CONTEXT.items():
        if isinstance(choices, list) and not question.startswith("_"):
            assert set(CONTEXT["__prompts__"][question]) == {"__prompt__", *choices}


@pytest.mark.parametrize("row", ROWS)
def test_rows_have_the_same_columns(row: dict[str, Any]) -> None:
    """A template may look up any column of any backend."""
    assert columns(row) == columns(BACKENDS["sqlite"])


@pytest.mark.parametrize("row", ROWS)
def test_every_setting_is_defined(row: dict[str, Any]) -> None:
    """A backend's settings have a type, a default and a sentence each, and every definition is used."""
    assert set(row["settings"]) <= set(CONTEXT["__settings"])
    used = {name for backend in BACKENDS.values() for name in backend["settings"]}
    assert used == set(CONTEXT["__settings"])


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("row", ROWS)
def test_url_parses_and_names_its_driver(row: dict[str, Any], style: str) -> None:
    """The default URL says dialect and driver, has no password, and is of the row's own backend."""
    url = make_url(f"{row[style]['drivername']}://{row['location'].replace('{SERVICE}', 'service')}")
    assert url.drivername.count("+") == 1
    assert url.password is None
    assert url.get_backend_name() in row["spellings"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("row", ROWS)
def test_driver_is_what_the_requirements_install(row: dict[str, Any], style: str) -> None:
    """The driver of the URL comes with the project's requirements, or with Python."""
    driver = row[style]["drivername"].partition("+")[2]
    packages = {requirement.partition("[")[0].partition(">")[0] for requirement in row[style]["requirements"]}
    assert driver in packages | {"pysqlite"}
    assert {package.replace("-", "_") for package in packages} <= set(row["imports"]) | {"sqlalchemy"}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("row", ROWS)
def test_every_option_has_a_reason(row: dict[str, Any], style: str) -> None:
    """No driver is given an argument of which `docs/decisions.md` does not say what it is for."""
    reasons = (TEMPLATE / "docs" / "decisions.md").read_text(encoding="utf-8")
    options = {*row[style]["connect_args"], *row[style]["migration_connect_args"]}
    assert {option for option in options if not re.search(rf"`(-c )?{option}\b", reasons)} == set()


@pytest.mark.parametrize("row", ROWS)
def test_the_proof_is_said(row: dict[str, Any]) -> None:
    """What was not run against a server says so in the prompt."""
    name = next(name for name, each in BACKENDS.items() if each is row)
    label = CONTEXT["__prompts__"]["database_backend"][name]
    assert ("not run against a server in our CI" in label) == (row["proof"] == "offline")
