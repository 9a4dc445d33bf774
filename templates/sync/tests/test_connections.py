"""The options of a connection to {{ db.name }}, as the database itself reports them."""

import os

import pytest
from sqlalchemy import Connection, QueuePool

from packages.config.settings import settings
from packages.database.config import engine

POLICY = [
{% for question, answer in db.policy %}
    (
{% if question is string %}
        "{{ question }}",
{% else %}
        (
{% for part in question %}
            "{{ part }}"
{% endfor %}
        ),
{% endif %}
        {{ answer }},
    ),
{% endfor %}
]


@pytest.mark.parametrize(("question", "answer"), POLICY)
def test_database_applies_the_policy(
    connection: Connection, question: str, answer: str | int
) -> None:
    """Every option that the engine sets is in effect on the connection."""
    assert connection.exec_driver_sql(question).scalar() == answer


def test_pool_has_the_size_of_the_settings() -> None:
    """The pool keeps as many connections as the settings say."""
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.size() == settings.DATABASE_POOL_SIZE


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.usefixtures("schema")
def test_forked_process_opens_connections_of_its_own() -> None:
    """A process that forks after its first query shares no connection with its child."""
    assert isinstance(engine.pool, QueuePool)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        os._exit(engine.pool.checkedin())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert engine.pool.checkedin() > 0
{% if not db.server %}


@pytest.mark.usefixtures("schema")
def test_autocommit_begins_no_transaction() -> None:
    """A statement that cannot run in a transaction can be executed."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql("VACUUM")
{% endif %}
