"""Runs a unit of work in a transaction, and again when the database says that this helps."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

Result = TypeVar("Result")

# Sixteen clients that fight for one row at SERIALIZABLE need up to ten.
MAX_ATTEMPTS = 20
MAX_SECONDS = 30
RETRY_CODES = {{ "{" }}{{ db.retry_codes | map("tojson") | join(", ") }}{{ "}" }}


def run_in_transaction(db: Session, work: Callable[[Session], Result]) -> Result:
    """Run `work` in a transaction of its own, commit it and return what it returned.

    When the transaction lost against another one (a deadlock, a serialization failure, a lock that
    did not come free), it is rolled back and runs again after a short random wait: `MAX_ATTEMPTS`
    times at most, and none that would begin after `MAX_SECONDS`. So `work` must do nothing outside
    the database, and must read again whatever it decides by.

    Args:
        db: a session in which no transaction has begun.
        work: takes the session. Whatever it raises rolls the transaction back.

    Raises:
        sqlalchemy.exc.InvalidRequestError: a transaction has already begun in the session.
    """

    def attempt() -> Result:
        with db.begin():
            return work(db)

    retrying = Retrying(
        retry=retry_if_exception(is_retryable),
        stop=stop_after_attempt(MAX_ATTEMPTS) | stop_after_delay(MAX_SECONDS),
        wait=wait_random_exponential(multiplier=0.02, max=1),
        reraise=True,
    )
    return retrying(attempt)


def is_retryable(error: BaseException) -> bool:
    """Tell whether the database asks for the whole transaction to be tried again."""
    if not isinstance(error, DBAPIError):
        return False
    code = {{ db.error_code }}
    return code in RETRY_CODES
