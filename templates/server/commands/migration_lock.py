"""The lock that lets one process migrate at a time.

{{ db.lock_kind }}
"""

import time
{% if "zlib" in db.lock_constants %}
import zlib
{% endif %}
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
{% if db.lock_error %}
from sqlalchemy.exc import {{ db.lock_error }}
{% endif %}

from packages.database.commands.running import NotInTimeError

POLL_SECONDS = 0.25
{{ db.lock_constants }}


@contextmanager
def migration_lock(engine: Engine, wait_seconds: float) -> Generator[None]:
    """Hold the lock, on a connection of its own, while the block runs.

    It polls: a session that waits inside the server may block others, such as CREATE INDEX
    CONCURRENTLY, and may reach a time limit.

    Raises:
        NotInTimeError: another process still holds it after `wait_seconds`.
    """
    deadline = time.monotonic() + wait_seconds
    with engine.connect() as connection:
{% if db.lock_setup %}
        {{ db.lock_setup | indent(8) }}
{% endif %}
        connection.detach()  # closed afterwards, not returned to the pool
        while not _try_lock(connection):
            if time.monotonic() >= deadline:
                raise NotInTimeError(
                    f"another process still migrates after {wait_seconds:g} s; look at its log,"
                    " or wait longer with --wait"
                )
            time.sleep(POLL_SECONDS)
        yield


{{ db.lock_functions }}
