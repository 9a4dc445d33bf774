"""What every connection to {{ db.name }} needs beyond its arguments."""

{{ "import asyncio\n" if is_async }}import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Any{{ ", cast" if "cast(" in db.connect }}

{{ "import " ~ db.driver_import ~ "\n" if db.driver_import }}from sqlalchemy import Engine, event
{{- imports("sqlalchemy.exc", DataError="DataError" in db.misreported, DBAPIError=db.read_only_error or db.misreported, IntegrityError="IntegrityError" in db.misreported, InvalidRequestError=not db.refuse_writes, OperationalError=db.misreported, ProgrammingError=db.write_refused or "ProgrammingError" in db.misreported) }}
{{- imports("sqlalchemy.orm", Session=not db.refuse_writes) }}
{{- imports("sqlalchemy.util", await_only=is_async) }}
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from packages.config.settings import settings
{{- imports("packages.database.bounded_connection", BoundedConnection=db.bounded_connection) }}
{{- imports("packages.database.credentials", current_password=db.login_refused) }}
from packages.database.liveness import ping_after_idleness
{{- imports("packages.database.pooler", begin_with_limits=db.pooler_error, warn_without_limits=db.pooler_error) }}

if TYPE_CHECKING:
{{ "    from collections.abc import Sequence\n\n" if not db.refuse_writes }}    from sqlalchemy.engine import Dialect{{ ", ExceptionContext" if db.read_only_error or db.misreported }}
    from sqlalchemy.engine.interfaces import DBAPIConnection
    {{- imports("sqlalchemy.orm", ORMExecuteState=not db.refuse_writes) | indent }}
    from sqlalchemy.pool import ConnectionPoolEntry{{ ", PoolResetState" if db.on_reset }}
{{- lines("\n" ~ db.driver_setup if db.driver_setup) }}
{{- lines('\nREAD_ONLY = "this session only reads; write in one of SessionLocal"' if not db.refuse_writes) }}

logger = logging.getLogger(__name__)


def prepare_connections(engine: Engine) -> None:
{% if db.login_refused %}
    """Make the engine's connections survive a restart of the server and a fork of the process."""
{% else %}
    """Make the engine's connections survive a restart of the server and a fork of the process.

    A listener for `do_connect` that sets a token as the password comes first with `insert=True`:
    https://docs.sqlalchemy.org/en/latest/core/engines.html#generating-dynamic-authentication-tokens
    """
{% endif %}
    _prepare(engine, "DATABASE_URL")
    {{- lines('event.listen(engine, "handle_error", _leave_read_only_server)' if db.read_only_error) | indent }}
    {{- lines(db.prepare) | indent }}


def prepare_read_connections(engine: Engine) -> None:
    """Do the same for connections that only read{{ ", and have the server refuse what they write" if db.refuse_writes }}."""
    _prepare(engine, "DATABASE_READ_URL" if settings.DATABASE_READ_URL else "DATABASE_URL")
    {{- lines(db.prepare_read) | indent }}
    {{- lines("# A write that is refused is a fault of the program.\n_correct_class(engine, {ProgrammingError: {" ~ db.write_refused ~ "}})" if db.write_refused) | indent }}


def _prepare(engine: Engine, setting: str) -> None:
    event.listen(engine, "do_connect", partial(connect_with_retry, setting=setting))
    {{- lines('event.listen(engine, "connect", _set_session_limits)' if db.on_connect) | indent }}
    {{- lines('event.listen(engine, "reset", _reset)' if db.on_reset) | indent }}
    {{- lines('event.listen(engine, "handle_error", _end_rolled_back_transaction)' if db.rolled_back) | indent }}
    {{- lines('event.listen(engine, "handle_error", _replace_outdated_connections)' if db.outdated) | indent }}
    {{- lines("_correct_class(engine, MISREPORTED)" if db.misreported) | indent }}
    ping_after_idleness(engine)
    # A connection that two processes share gives each of them the other's rows:
    # https://docs.sqlalchemy.org/en/latest/core/pooling.html#using-connection-pools-with-multiprocessing-or-os-fork
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))


def connect_with_retry(
    dialect: "Dialect",
    _record: "ConnectionPoolEntry",
    arguments: list[Any],
    keywords: dict[str, Any],
    setting: str = "DATABASE_URL",
) -> "DBAPIConnection":
{% if db.login_refused %}
    """Connect; retry for a few seconds while nothing answers: the server may be restarting.
    {{- lines("\nIt retries as long while the server allows no more connections: others may close theirs." if db.full_error) | indent }}

    A password that the server refuses may have been rotated: a new one is awaited for as long.
    """
    refused: dict[str | None, Exception] = {}

    def connect() -> "DBAPIConnection":
        password = current_password()
        if password in refused:
            raise refused[password]  # some servers lock an account after a few wrong passwords
        given = keywords if password is None else keywords | {"password": password}
        try:
            return {{ "_connect(dialect, arguments, given)" if db.connect else "dialect.connect(*arguments, **given)" }}
        except dialect.loaded_dbapi.Error as error:
            if password is not None and _is_login_refused(error):
                refused[password] = error
            raise

{% else %}
    """Connect; retry for a few seconds while nothing answers: the server may be restarting."""
{% endif %}
    retrying = Retrying(
        retry=retry_if_exception_type(dialect.loaded_dbapi.OperationalError)
        & retry_if_exception({{ "lambda error: bool(refused) or _is_temporary(error)" if db.login_refused else "_is_temporary" }}),
        stop=stop_after_delay(settings.DATABASE_CONNECT_TIMEOUT_SECONDS),
        wait=wait_random_exponential(multiplier=0.05, max=0.5),
        before_sleep=partial(_log_first_refusal, setting),
        reraise=True,
        {{- lines("sleep=lambda seconds: await_only(asyncio.sleep(seconds))," if is_async) | indent(8) }}
    )
    try:
        return retrying({{ "connect" if db.login_refused else "_connect, dialect, arguments, keywords" if db.connect else "dialect.connect, *arguments, **keywords" }})
    except Exception as error:  # noqa: BLE001 - raised again
        # Without the driver's frames: their variables hold the password, and some tools log them.
        raise error.with_traceback(None) from None


{% if db.connect %}
def _connect(
    {{ "dialect" if "dialect." in db.connect else "_dialect" }}: "Dialect", arguments: list[Any], keywords: dict[str, Any]
) -> "DBAPIConnection":
    {{ db.connect | indent }}


{% endif %}
def connect_or_exit(
    dialect: "Dialect",
    record: "ConnectionPoolEntry",
    arguments: list[Any],
    keywords: dict[str, Any],
) -> "DBAPIConnection":
    """Connect for a command; end it with one sentence when that fails."""
    try:
        return connect_with_retry(dialect, record, arguments, keywords)
    except dialect.loaded_dbapi.Error as error:
        raise SystemExit(describe_refusal(error)) from None


def describe_refusal(error: BaseException, setting: str = "DATABASE_URL") -> str:
    """Say in one line why the database could not be used, and which settings to check."""
    reason = " ".join(str(error).split()) or "no answer in time"
    {{- lines('if _is_full(error):\n    return f"the server has no connection free: {reason}"' if db.full_error) | indent }}
{% if db.pooler_error %}
    if {{ db.pooler_error }}:
        return f"DATABASE_POOLER: {reason}; set it to transaction: there is a pooler"
{% endif %}
    return f"{setting}: {reason}; check it and DATABASE_PASSWORD"


def _log_first_refusal(setting: str, attempt: RetryCallState) -> None:
    """Log the first refusal, since a probe that waits gives up before the last attempt."""
    error = attempt.outcome.exception() if attempt.outcome else None
    if attempt.attempt_number == 1 and error is not None:
        logger.info("connecting is retried: %s", describe_refusal(error, setting))


def _is_temporary(error: BaseException) -> bool:
    """Tell whether waiting may help, unlike where the server refuses this user, database or TLS."""
    return {{ db.connect_retry | indent }}
{{- lines("\n\n" ~ db.full_error if db.full_error) }}
{{- lines("\n\n" ~ db.rolled_back if db.rolled_back) }}
{{- lines("\n\n" ~ db.outdated if db.outdated) }}
{% if db.login_refused %}


def _is_login_refused(error: BaseException) -> bool:
    """Tell whether the server refused the password."""
    return {{ db.login_refused }}
{% endif %}
{% if db.read_only_error %}


def _leave_read_only_server(context: "ExceptionContext") -> None:
    """Drop all connections when the server is read-only, so that new ones reach its successor."""
    error = context.sqlalchemy_exception
    if not isinstance(error, DBAPIError) or error.orig is None:
        return
    if {{ db.read_only_error }}:
        context.is_disconnect = True
{% endif %}
{% if db.on_connect %}


def _set_session_limits(_connection: Any, record: Any) -> None:  # noqa: ANN401 - what a driver gives
    """Set the limits for which the driver has no connect argument."""
    {{ db.on_connect | indent }}
{% endif %}
{% if db.on_reset %}


def _reset(
    connection: "DBAPIConnection", record: "ConnectionPoolEntry", state: "PoolResetState"
) -> None:
    if state.terminate_only or record.driver_connection is None:
        return
    {{ db.on_reset | indent }}
{% endif %}


{% include 'server/read_only/' ~ ('by_server' if db.refuse_writes else 'by_session') ~ '.py' %}
