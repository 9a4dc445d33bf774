"""Reads `DATABASE_URL`: accepts the usual spellings of its scheme, and says what else is wrong.

No message shows the URL itself, since a malformed one may have a password anywhere.
"""

import re
{{- imports("inspect", signature="signature(" in db.parameters) }}
{{- imports("pathlib", Path=db.file_parameters) }}
{{- imports("typing", Any="driver" in db.parameters) }}

from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.exc import ArgumentError

DRIVERNAME = "{{ db.drivername }}"
SPELLINGS = {{ "{" }}"{{ db.spellings | join('", "') }}"{{ "}" }}
EXPECTED = f"expected {DRIVERNAME}://{{ db.example }}"
SECRETS = {"odbc_connect", "passwd", "password", "pwd", "sslpassword"}
{% if db.parameter_names %}
# Of those that are missing here, the driver takes any text for true, such as autocommit=false.
PARAMETERS = {
    "{{ db.parameter_names | sort | join('",\n    "') }}",
}
{% endif %}
INSTALL = "install the project's requirements, and what the driver itself needs"
RESERVED = (
    "the user name or password holds a character that a URL reserves;"
    " percent-encode it, or give the password in DATABASE_PASSWORD"
)


class Password(str):
    """A password that its `repr` hides, since crash reports show the values of variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return asterisks."""
        return "'***'"

    def __str__(self) -> str:
        """Return the password: SQLAlchemy passes its `str` to the driver."""
        return self


def parse_database_url(value: object) -> URL:
    """Return the {{ db.name }} URL that a setting holds, with the driver that this service installs.

    Raises:
        ValueError: it is empty or malformed, names another database system or driver, has an
            invalid parameter, or its driver cannot be loaded.
    """
    if isinstance(value, URL):
        return value
    text = str(value).strip()
    if not text:
        raise ValueError(f"it is empty; {EXPECTED}")
    if text[0] in "\"'":
        raise ValueError("it begins with a quotation mark; give it without quotes")
    scheme, separator, rest = text.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][\w+.-]*", scheme):
        raise ValueError(f"it is not a database URL; {EXPECTED}")
    _check_scheme(scheme)
    _check_location(rest)
{% if db.multi_host %}
    rest = _list_hosts(rest)
{% endif %}
    try:
        url = make_url(f"{DRIVERNAME}://{rest}")
    except ValueError:
        raise ValueError(f"its port is not a number; {EXPECTED}") from None
    _check_parts(url)
{% if db.translate_query %}
    url = _translate_query(url)
{% endif %}
    if not {{ "(" ~ db.names_database ~ ")" if " " in db.names_database else db.names_database }}:
        raise ValueError(f"it names no database; {EXPECTED}")
{% if db.required_parameter %}
    if "{{ db.required_parameter }}" not in url.query:
        raise ValueError(f"its query names no {{ db.required_parameter }}; {EXPECTED}")
{% endif %}
    _check_driver(url)
    return url if url.password is None else url.set(password=Password(url.password))


def _check_scheme(scheme: str) -> None:
    backend, _, driver = scheme.lower().partition("+")
    if backend not in SPELLINGS:
        raise ValueError(f"{scheme}:// is not {{ db.name }}; {EXPECTED}")
    if driver not in {"", DRIVERNAME.partition("+")[2]}:
        raise ValueError(f"the driver {driver!r} is not installed here; {EXPECTED}")


def _check_location(rest: str) -> None:
    location = rest.partition("?")[0]
    user_information, _, _ = location.rpartition("@")
    if re.search(r"[/#\s]", user_information) or "#" in location or rest.count("@") > 1:
        raise ValueError(RESERVED)


def _check_parts(url: URL) -> None:
    if url.host and "@" in url.host:
        raise ValueError(RESERVED)
    if SECRETS & {key.lower() for key in url.query}:
        raise ValueError("its query contains a password; give it in DATABASE_PASSWORD")


def _check_driver(url: URL) -> None:
    try:
        {{ "driver: Any = create_engine(url).dialect.dbapi" if "driver" in db.parameters else "create_engine(url)" }}
    except (ImportError, ArgumentError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"its driver cannot be loaded: {reason}; {INSTALL}") from None
    except (AttributeError, TypeError, ValueError):
        raise ValueError(f"a parameter of its query has an invalid value; {EXPECTED}") from None
{% if db.parameters %}
    _check_query(url, {{ db.parameters }})


def _check_query(url: URL, known: set[str]) -> None:
    if unknown := ", ".join(sorted(url.query.keys() - known)):
        fix = "remove that"
        if re.search("ssl|tls|protocol", unknown, re.IGNORECASE):
            fix += ", and set DATABASE_TLS"
{% if db.pooler_error %}
        if "pgbouncer" in unknown:
            fix += ", and set DATABASE_POOLER=transaction"
{% endif %}
        raise ValueError(f"its query has {unknown}, which a URL cannot give to the driver; {fix}")
{% if db.file_parameters %}
    for name in ("{{ db.file_parameters | join('", "') }}"):
        if name in url.query and not Path(str(url.query[name])).is_file():
            raise ValueError(f"{name} in its query names no file; give the path of a file")
{% endif %}
{% endif %}
{% if db.translate_query %}


def _translate_query(url: URL) -> URL:
    """Put into the driver's words what providers write for the server's own clients."""
    {{ db.translate_query | indent }}
{% endif %}
{% if db.multi_host %}


def _list_hosts(rest: str) -> str:
    """Move hosts (`h1:5432,h2:5432`) and sockets (`%2Ftmp`) to where SQLAlchemy reads them."""
    authority, _, path = rest.partition("/")
    user_information, at, hosts = authority.rpartition("@")
    if "," not in hosts and not hosts.upper().startswith("%2F"):
        return rest
    for host in hosts.split(","):
        if not re.fullmatch(r"[\w.%-]+(:\d+)?", host):
            raise ValueError(f"one of its hosts is not a name with a port number; {EXPECTED}")
    database, _, query = path.partition("?")
    listed = [f"host={host}" for host in hosts.split(",")]
    return f"{user_information}{at}/{database}?{'&'.join([*listed, *filter(None, [query])])}"
{% endif %}
