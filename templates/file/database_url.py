"""Reads `DATABASE_URL`: makes a relative path absolute, and says what is wrong with the URL."""

import os
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from packages.config import PROJECT_ROOT

DRIVERNAME = "{{ db.drivername }}"
EXPECTED = f"expected {DRIVERNAME}:///file.db or {DRIVERNAME}:////absolute/path/file.db"


def parse_database_url(value: object) -> URL:
    """Return the {{ db.name }} URL that a setting holds, its path absolute.

    Raises:
        ValueError: it is empty or malformed, names another database system or driver or a database
            in memory, or its file cannot be created or written.
    """
    if isinstance(value, URL):
        return value
    text = str(value).strip()
    if not text:
        raise ValueError(f"it is empty; {EXPECTED}")
    if text[0] in "\"'":
        raise ValueError("it begins with a quotation mark; give it without quotes")
    scheme, separator, rest = text.partition("://")
    _check_scheme(scheme, separator)
    try:
        url = make_url(f"{DRIVERNAME}://{rest}")
    except (ArgumentError, ValueError):
        raise ValueError(f"it is not a database URL; {EXPECTED}") from None
    if url.host or url.username:
        raise ValueError(f"{DRIVERNAME}:// is followed by a host name, not by a path; {EXPECTED}")
    if url.database and url.database.startswith("file:"):
        raise ValueError(f"it names a file: URI, give the path of the file; {EXPECTED}")
    if not url.database or url.database == ":memory:":
        raise ValueError(f"threads cannot share a database in memory, give a file; {EXPECTED}")
    path = PROJECT_ROOT / url.database
    _check_file(path)
    return url.set(database=str(path))


def _check_scheme(scheme: str, separator: str) -> None:
    if not separator:
        raise ValueError(f"it is not a database URL; {EXPECTED}")
    backend, _, driver = scheme.lower().partition("+")
    if backend != DRIVERNAME.partition("+")[0]:
        raise ValueError(f"{backend}:// is not {{ db.name }}; {EXPECTED}")
    if driver not in {"", DRIVERNAME.partition("+")[2]}:
        raise ValueError(f"the driver {driver!r} is not installed here; {EXPECTED}")


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"{path} is a folder; {EXPECTED}")
    if not path.parent.is_dir():
        raise ValueError(f"the folder {path.parent} does not exist; create it first")
    for target in filter(Path.exists, (path.parent, path)):
        if not os.access(target, os.W_OK):
            raise ValueError(f"{target} cannot be written by the user that runs the service")
