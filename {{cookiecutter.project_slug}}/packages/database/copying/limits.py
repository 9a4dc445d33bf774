"""What a column of another database cannot hold, told from the type that it reports.

The manuals:
https://www.postgresql.org/docs/current/datatype.html
https://dev.mysql.com/doc/refman/8.4/en/data-types.html
https://mariadb.com/kb/en/data-types/
https://www.sqlite.org/datatype3.html
https://learn.microsoft.com/sql/t-sql/data-types/data-types-transact-sql
https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/Data-Types.html
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, Date, DateTime, Interval
from sqlalchemy.types import TypeDecorator, TypeEngine

from packages.database.copying.tables import PortableDateTime, PortableInteger

MYSQL = {"mysql", "mariadb"}
# Where texts are compared by collations.
COLLATING = {*MYSQL, "mssql"}
KNOWN = (PortableDateTime, PortableInteger, Interval)
POSTGRESQL = {"postgresql", "cockroachdb"}

INTEGER_BITS = {"TINYINT": 8, "SMALLINT": 16, "MEDIUMINT": 24, "INTEGER": 32, "BIGINT": 64}
MYSQL_BYTES = {
    "TINYTEXT": 2**8 - 1,
    "TINYBLOB": 2**8 - 1,
    "TEXT": 2**16 - 1,
    "BLOB": 2**16 - 1,
    "MEDIUMTEXT": 2**24 - 1,
    "MEDIUMBLOB": 2**24 - 1,
}
# Of each smaller character set of MySQL and MariaDB, what it may lack.
CHARSETS = {
    "ascii": re.compile(r"[^\x00-\x7f]"),
    "latin1": re.compile(r"[^\x00-\xff]"),
    "utf8mb3": re.compile(r"[^\x00-\uffff]"),
}
# Digits of a second, of the types that keep fewer than six.
COARSE_TIMES = {("mssql", "DATETIME"): 2, ("mssql", "SMALLDATETIME"): 0, ("oracle", "DATE"): 0}
TIMESTAMP_YEARS = range(1971, 2038)  # of MySQL's type of that name
FIRST_YEAR = 1000  # of MySQL's dates
DEEPEST = {"mysql": 100, "mariadb": 31}
# MariaDB stores the parts of a UUID in another order, and so refuses some that no RFC has.
FIRST_OWN_VERSION = 0x8000
LAST_OWN_VARIANT = 0x80
LARGEST_SINGLE = 3.4e38
LARGEST_ORACLE = 1e125


@dataclass(frozen=True)
class Limit:
    """What a column of the target can hold.

    Attributes:
        column: the column as the model declares it.
        stored: its type as the target reports it.
        dialect: the name of the target's dialect, such as "mysql".
        collation: by which the target compares its texts, such as "utf8mb4_general_ci"; "" where
            that is not known, or texts are equal only to themselves.
    """

    column: Column[Any]
    stored: TypeEngine[Any]
    dialect: str
    collation: str = ""

    @property
    def kind(self) -> str:
        """Return the name of the stored type in SQL, such as "VARCHAR"."""
        return str(self.stored.__visit_name__).upper()

    def fault(self, value: object) -> str | None:  # noqa: C901, PLR0911, PLR0912 - one for each type
        """Say what is wrong with a value, without the value; None when it fits.

        A type of the team's own is not looked into: only it knows what it stores.
        """
        declared = self.column.type
        if value is None:
            return None if self.column.nullable else "it is NULL, which the column refuses"
        if isinstance(declared, TypeDecorator) and not isinstance(declared, KNOWN):
            return None
        if isinstance(declared, JSON):
            return self._document_fault(value)
        match value:
            case bool():
                return None
            case str() if isinstance(declared, Date | DateTime):
                # The form in which drivers of MySQL return it.
                return None if self.dialect in MYSQL else "it is no date that exists: 0000-00-00"
            case str():
                return self._text_fault(value)
            case bytes():
                return self._length_fault(len(value), "bytes")
            case int():
                return self._integer_fault(value)
            case float():
                return self._float_fault(value)
            case Decimal():
                return self._decimal_fault(value)
            case datetime():
                return self._datetime_fault(value) or self._fraction_fault(value.microsecond)
            case date():
                return self._year_fault(value)
            case time():
                return self._fraction_fault(value.microsecond)
            case UUID() if self.dialect == "mariadb" and self.kind == "UUID":
                return self._uuid_fault(value)
            case timedelta():
                return self._fraction_fault(value.microseconds)
        return None

    def _text_fault(self, text: str) -> str | None:  # noqa: PLR0911 - one for each fault
        if "\0" in text and self.dialect in POSTGRESQL:
            return "it has a NUL character, which the target refuses"
        if not text and self.dialect == "oracle":
            return "it is an empty text, which Oracle stores as NULL"
        is_wide = self.kind.startswith("N")
        if self.dialect == "mssql" and not is_wide and not text.isascii():
            return f"it has characters that are not ASCII, which the type {self.kind} may not keep"
        charset, _, _ = self.collation.partition("_")
        if self.dialect in MYSQL and charset in CHARSETS and CHARSETS[charset].search(text):
            return f"it has characters that the column's character set {charset} lacks"
        if self.dialect in MYSQL and self.kind in MYSQL_BYTES:
            return self._length_fault(len(text.encode()), "bytes")
        if self.dialect in {"mssql", "oracle"} and is_wide:
            # An emoji is two units there.
            return self._length_fault(len(text.encode("utf-16-le")) // 2, "UTF-16 units")
        return self._length_fault(len(text), "characters")

    def _length_fault(self, length: int, unit: str) -> str | None:
        if self.dialect == "sqlite" or self.kind == "ENUM":
            return None
        most = getattr(self.stored, "length", None)
        if self.dialect in MYSQL:
            most = most or MYSQL_BYTES.get(self.kind)
        if not isinstance(most, int) or length <= most:
            return None
        return f"it has {length:,} {unit}, and the column holds {most:,}"

    def _integer_fault(self, number: int) -> str | None:
        if self.kind == "BOOLEAN" and self.dialect in POSTGRESQL:
            return "it is a number, and the column holds true or false; declare a Boolean"
        bits = INTEGER_BITS.get(self.kind)
        if bits is None:
            return self._decimal_fault(Decimal(number))
        if self.dialect in {"sqlite", "cockroachdb"}:
            bits = 64
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        if getattr(self.stored, "unsigned", False) or (self.dialect, bits) == ("mssql", 8):
            low, high = 0, 2**bits - 1
        return None if low <= number <= high else f"it is outside of {low} to {high}"

    def _float_fault(self, number: float) -> str | None:
        if not math.isfinite(number):
            if self.dialect in POSTGRESQL or (self.dialect == "sqlite" and math.isinf(number)):
                return None
            return "it is infinite or not a number, which the target cannot store"
        is_single = self.kind == ("FLOAT" if self.dialect in MYSQL else "REAL")
        if is_single and self.dialect != "sqlite":
            if abs(number) > LARGEST_SINGLE or float(f"{number:.6g}") != number:
                return f"it has more than the 6 digits that {self.kind} keeps; declare a Double"
        elif self.dialect == "oracle" and abs(number) > LARGEST_ORACLE:
            return f"it is larger than {LARGEST_ORACLE:g}"
        return None

    def _decimal_fault(self, number: Decimal) -> str | None:
        if not number.is_finite():
            return None if self.dialect in POSTGRESQL else "it is infinite or not a number"
        if self.dialect == "sqlite":
            scale = getattr(self.column.type, "scale", None)
            stored = Decimal(f"{float(number):.{10 if scale is None else scale}f}")
            return None if stored == number else "SQLite stores it as a float, with fewer digits"
        precision = getattr(self.stored, "precision", None)
        if precision is None:
            return None
        scale = getattr(self.stored, "scale", None) or 0
        if abs(number) >= 10 ** (precision - scale):
            return f"it has more than {precision - scale} digits before the point"
        _, digits, exponent = number.as_tuple()
        zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
        if isinstance(exponent, int) and -exponent - zeros > scale:
            return f"it has more than {scale} digits after the point"
        return None

    def _year_fault(self, value: date) -> str | None:
        if self.dialect in MYSQL and value.year < FIRST_YEAR:
            return f"it is before the year {FIRST_YEAR}, with which the target's dates begin"
        return None

    def _datetime_fault(self, value: datetime) -> str | None:
        if self.dialect in MYSQL and self.kind == "TIMESTAMP" and value.year not in TIMESTAMP_YEARS:
            return "it is outside of the years 1971 to 2037, which TIMESTAMP holds"
        if not isinstance(self.column.type, PortableDateTime):
            keeps_zone = bool(getattr(self.stored, "timezone", False))
            if value.tzinfo is None and keeps_zone:
                return "it has no time zone, and the column needs one; declare a UtcDateTime"
            if value.tzinfo is not None and not keeps_zone:
                return "it has a time zone, which the column drops; declare a UtcDateTime"
        return self._year_fault(value)

    def _fraction_fault(self, microsecond: int) -> str | None:
        digits = COARSE_TIMES.get((self.dialect, self.kind))
        if digits is None:
            name, default = ("fsp", 0) if self.dialect in MYSQL else ("precision", 6)
            given = getattr(self.stored, name, None)
            digits = default if given is None else min(6, int(given))
        if microsecond % 10 ** (6 - digits):
            return f"the column keeps {digits} digits of its fraction of a second"
        return None

    def _uuid_fault(self, value: UUID) -> str | None:
        _, _, third, fourth, *_ = value.fields
        if third >= FIRST_OWN_VERSION and 0 < fourth <= LAST_OWN_VARIANT:
            return "it has a version and variant that MariaDB does not store"
        return None

    def _document_fault(self, document: object) -> str | None:
        if document is JSON.NULL:
            return None
        deepest = DEEPEST.get(self.dialect)
        for depth, part in _parts(document):
            if deepest is not None and depth > deepest:
                return f"it is nested deeper than {deepest} levels"
            fault = self._part_fault(part)
            if fault:
                return fault
        return None

    def _part_fault(self, part: object) -> str | None:
        match part:
            case float() if not math.isfinite(part) and self.dialect != "sqlite":
                return "it holds a number that is infinite or not a number, which JSON has not"
            case int() if self.dialect == "mysql" and _is_rounded(part):
                return "it holds an integer of more than 64 bits, which MySQL rounds"
            case str() if "\0" in part and self.dialect in POSTGRESQL:
                return "it holds a text with a NUL character, which the target refuses"
            case str() if _has_surrogate(part) and self.dialect not in {"sqlite", "mariadb"}:
                return "it holds a text with half of a surrogate pair"
        return None


def _parts(document: Any, depth: int = 0) -> Iterator[tuple[int, Any]]:  # noqa: ANN401
    """Yield each value and key of a document, with the number of arrays and objects it is in."""
    if isinstance(document, dict):
        depth += 1
        for key, value in document.items():
            yield depth, key
            yield from _parts(value, depth)
    elif isinstance(document, list):
        depth += 1
        for value in document:
            yield from _parts(value, depth)
    yield depth, document


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _is_rounded(number: int) -> bool:
    """Tell whether MySQL's JSON, which keeps 64 bits and otherwise floats, rounds an integer."""
    if -(2**63) <= number < 2**64:
        return False
    try:
        return Decimal(repr(float(number))) != number
    except OverflowError:
        return True
