"""Runs a unit of work in a transaction, and again when the database says that this helps."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InvalidRequestError{{ ", SQLAlchemyError" if db.server }}
from sqlalchemy.orm import Session
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)
{{- lines("\nfrom packages.database.connections import is_rolled_back" if db.rolled_back) }}

Result = TypeVar("Result")

# Sixteen clients that compete for one row at SERIALIZABLE need up to ten.
MAX_ATTEMPTS = 20
MAX_SECONDS = 30
{% if db.server %}
# A statement that always ends its connection must not run for ever.
MAX_LOST_ATTEMPTS = 3
{% endif %}
RETRY_CODES = {{ "{" }}{{ db.retry_codes | map("tojson") | join(", ") }}{{ "}" }}
{% if db.server %}


class CommitOutcomeUnknownError(SQLAlchemyError):
    """The connection was lost after COMMIT was sent: all of the work is stored, or none of it."""
{% endif %}


def run_in_transaction(db: Session, work: Callable[[Session], Result]) -> Result:
    """Run `work` in a transaction of its own, commit it and return what it returned.

    After an error in `RETRY_CODES`, such as a deadlock or a serialization failure, the transaction
    is rolled back, and `work` runs again after a short random wait: at most `MAX_ATTEMPTS` times in
    all, and not again after `MAX_SECONDS`. So `work` must do nothing outside the database, and must
    itself read the rows on which it bases a decision.
{% if db.server %}

    When the connection was lost before COMMIT was sent, nothing is stored: the work runs again on
    another connection, `MAX_LOST_ATTEMPTS` times in all.
{% endif %}

    Args:
        db: a session in which no transaction has begun.
        work: gets the session. An exception rolls the transaction back.

    Raises:
        sqlalchemy.exc.InvalidRequestError: a transaction has already begun in the session.
{% if db.server %}
        CommitOutcomeUnknownError: the connection was lost after COMMIT was sent. Check whether the
            work is stored before you repeat it.
    """
    _refuse_begun(db)
    lost_attempts = 0

    def attempt() -> Result:
        nonlocal lost_attempts
        committing = False
        try:
            with db.begin():
                result = work(db)
                db.flush()
                committing = True
        except DBAPIError as error:
            lost_attempts += is_lost(error)
            if committing and is_lost(error):
                raise CommitOutcomeUnknownError(str(error)) from error
            raise
        return result

    def may_run_again(error: BaseException) -> bool:
        return is_retryable(error) or (is_lost(error) and lost_attempts < MAX_LOST_ATTEMPTS)
{% else %}
    """
    _refuse_begun(db)

    def attempt() -> Result:
        with db.begin():
            return work(db)
{% endif %}

    retrying = Retrying(
        retry=retry_if_exception({{ 'may_run_again' if db.server else 'is_retryable' }}),
        stop=stop_after_attempt(MAX_ATTEMPTS) | stop_after_delay(MAX_SECONDS),
        wait=wait_random_exponential(multiplier=0.02, max=1),
        reraise=True,
    )
    return retrying(attempt)


def _refuse_begun(db: Session) -> None:
    if db.in_transaction():
        raise InvalidRequestError(
            "a transaction has already begun in this session: commit or roll back first, read in"
            " `work` itself, or read in a session of its own, such as one of ReadSessionLocal"
        )


def is_retryable(error: BaseException) -> bool:
    """Tell whether the database asks for the whole transaction to be tried again."""
    if not isinstance(error, DBAPIError):
        return False
    code = {{ db.error_code }}
    return code in RETRY_CODES{{ " or is_rolled_back(error)" if db.rolled_back }}
{% if db.server %}


def is_lost(error: BaseException) -> bool:
    """Tell whether the error cost the connection, as opposed to a statement alone."""
    return isinstance(error, DBAPIError) and error.connection_invalidated
{% endif %}
