"""A database is one file of facts, which `templates/backends/base.jinja` explains."""

import ast
import re
from textwrap import indent
from typing import Any

import pytest
from jinja2 import Environment
from sqlalchemy import make_url

from tests.template import BACKENDS, CELLS, STYLES, TEMPLATE, argument_names

FACTS = TEMPLATE / "templates" / "backends"
BASE = (FACTS / "base.jinja").read_text(encoding="utf-8")
SETTINGS = (TEMPLATE / "templates" / "settings.jinja").read_text(encoding="utf-8")

STATEMENTS = (
    "driver_setup",
    "prepare",
    "prepare_read",
    "connect",
    "on_connect",
    "on_reset",
    "ping",
    "tls_setup",
    "translate_query",
    "type_imports",
    "bulk_insert",
    "backup_constants",
    "backup_functions",
)
EXPRESSIONS = (
    "names_database",
    "parameters",
    "tls_off",
    "tls_require",
    "tls_verify_full",
    "timestamp",
    "json_document",
    "error_code",
    "connect_retry",
    "read_only_error",
    "write_refused",
    "create_schema",
    "pooler_error",
    "login_refused",
    "tls_in_use",
    "pooler_seen",
)
ARGUMENTS = ("connect_args", "migration_connect_args")

cells = pytest.mark.parametrize(("backend", "style"), CELLS)
backends = pytest.mark.parametrize("backend", BACKENDS)


def test_choices_are_the_files() -> None:
    """Each file of facts is offered, and each database that is offered has one."""
    assert {path.stem for path in FACTS.glob("*.jinja")} - {"base"} == set(BACKENDS)


@backends
def test_every_fact_is_explained(backend: str) -> None:
    """A fact that a database sets is one that `base.jinja` explains: a misspelled one is found."""
    tree = Environment(autoescape=True).parse((FACTS / f"{backend}.jinja").read_text(encoding="utf-8"))
    from jinja2 import nodes  # noqa: PLC0415

    names = {each.name for each in tree.find_all(nodes.Name) if each.ctx == "store"}
    explained = set(re.findall(r"\b[a-z_]+\b", " ".join(re.findall(r"\{#-(.*?)-#\}", BASE, re.DOTALL))))
    assert names - explained == set()


@backends
def test_every_database_has_the_same_facts(backend: str) -> None:
    """A template may look up any fact of any database."""

    def own(facts: dict[str, Any]) -> set[str]:
        return {name for name in facts if name not in {*STYLES, *BACKENDS}}

    assert own(BACKENDS[backend]) == own(BACKENDS["postgresql"])


@cells
def test_every_block_is_python(backend: str, style: str) -> None:
    """What a fact puts into Python is Python by itself, and an editor can highlight it."""
    facts = BACKENDS[backend][style]
    for name in STATEMENTS:
        ast.parse(f"def function():\n    pass\n{indent(facts[name], '    ')}")
    for name in EXPRESSIONS:
        ast.parse(facts[name] or "None", mode="eval")
    for name in ARGUMENTS:
        assert argument_names(facts[name])
    ast.parse(f"{{{facts['misreported']}\n}}", mode="eval")
    for _, _, answer in facts["policy"]:
        ast.parse(answer, mode="eval")


def test_every_setting_is_defined_and_used() -> None:
    """A database's settings have a type, a default and a sentence each; none is defined that no database has."""
    definitions = SETTINGS.partition("of_a_backend = {")[2].partition("} %}")[0]
    defined = set(re.findall(r'^    "(\w+)": \(', definitions, re.MULTILINE))
    assert defined == {name for row in BACKENDS.values() for name in row["settings"]}


@cells
def test_url_parses_and_names_its_driver(backend: str, style: str) -> None:
    """The default URL says dialect and driver, has no password, and is of the database's own kind."""
    facts = BACKENDS[backend][style]
    url = make_url(f"{facts['drivername']}://{facts['location'].replace('{SERVICE}', 'service')}")
    assert url.drivername.count("+") == 1
    assert url.password is None
    assert url.get_backend_name() in facts["spellings"]


@cells
def test_driver_is_what_the_requirements_install(backend: str, style: str) -> None:
    """The driver of the URL comes with the project's requirements, or with Python."""
    facts = BACKENDS[backend][style]
    driver = facts["drivername"].partition("+")[2]
    packages = {requirement.partition("[")[0].partition(">")[0] for requirement in facts["requirements"]}
    assert driver in packages | {"pysqlite"}
    assert {package.replace("-", "_") for package in packages} <= set(facts["imports"]) | {"sqlalchemy"}


@cells
def test_every_option_has_a_reason(backend: str, style: str) -> None:
    """No driver is given an argument of which `docs/decisions.md` does not say what it is for."""
    reasons = (TEMPLATE / "docs" / "decisions.md").read_text(encoding="utf-8")
    options = set().union(*(argument_names(BACKENDS[backend][style][name]) for name in ARGUMENTS))
    assert {option for option in options if not re.search(rf"`(-c )?{option}\b", reasons)} == set()


@backends
def test_a_render_compiles_no_foreign_facts(backend: str) -> None:
    """A database's file reads no other's, but for the family that it names at its head."""
    text = (FACTS / f"{backend}.jinja").read_text(encoding="utf-8")
    named = set(re.findall(r"backends/(\w+)\.jinja", text)) - {"base", backend}
    head = text.partition("\n\n")[0]
    assert {other for other in named if f"import 'backends/{other}.jinja' as {other}" not in head} == set()


def test_copy_knows_the_driver_of_each_database() -> None:
    """A service can be copied to each database: the driver is the one that the synchronous service installs."""
    path = TEMPLATE / "{{cookiecutter.project_slug}}" / "packages" / "database" / "commands" / "copy.py"
    [drivers] = re.findall(r"^DRIVERS = (\{.*?^\})", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    facts = {name: row["sync"] for name, row in BACKENDS.items()}
    assert ast.literal_eval(drivers) == {
        name: (row["drivername"].partition("+")[2], row["requirements"]) for name, row in facts.items()
    }
