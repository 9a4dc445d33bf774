"""Refuse the answers that cannot give a working project, before anything is rendered.

It prints one sentence for each fault on standard error: the question, the answer, the fix. All faults are printed at
once, and the exit code 1 makes Cookiecutter remove the folder it has just made.

Cookiecutter makes that folder before any hook runs, so an answer such as ``../x`` must not decide where. Therefore
``__answered_slug`` in cookiecutter.json replaces a dangerous ``project_slug`` by ``refused_answer``, and keeps the
answer, which this hook checks and shows.
"""

import json
import keyword
import re
import shlex
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from glob import glob

# Cookiecutter renders this file with Jinja before Python reads it, so an answer must not become source code. JSON in
# a raw string is safe: it has no line break, and never three quotes in a row.
CONTEXT = r"""{{ cookiecutter | tojson }}"""

# In JSON, an emoji and two lone surrogates look the same. A configuration file can contain lone surrogates, but no
# file can be written with them. So each text is also here as a list of its characters, in which the two differ.
CHARACTERS = r"""{{
    {
        "project_name": cookiecutter.project_name | string | list,
        "description": cookiecutter.description | string | list,
        "author_name": cookiecutter.author_name | string | list,
        "author_email": cookiecutter.author_email | string | list,
    } | tojson
}}"""

OLDEST_COOKIECUTTER = (2, 2)  # the first that looks for templates in the folder templates/
LONGEST_SHOWN = 40
LONGEST_SLUG = 50
LONGEST_TEXT = 500
LONGEST_EMAIL = 254  # RFC 5321, section 4.5.3.1.3, less the two angle brackets
REQUIRED = ("project_name", "author_name")  # a heading, the holder of a copyright
INVISIBLE = ("Cf", "Zs")

# Each database that can be chosen, with the top-level modules of its drivers.
DRIVERS = {
    "sqlite": {"sqlite3", "aiosqlite"},
    "postgresql": {"psycopg", "psycopg_binary"},
    "mysql": {"pymysql", "asyncmy", "cryptography"},
    "mariadb": {"pymysql", "asyncmy"},
    "mssql": {"pyodbc", "aioodbc"},
    "oracle": {"oracledb"},
    "cockroachdb": {"psycopg", "psycopg_binary", "sqlalchemy_cockroachdb"},
}
# Names that a project cannot have, by what they name; the modules of this Python are added to them.
RESERVED = {
    "a folder of the project": "packages migrations tests",
    "a package the project uses": (
        "alembic annotated_doc annotated_types anyio certifi cffi click coverage dotenv fastapi greenlet h11 "
        "hatchling httpcore httptools httpx httpx2 hypothesis idna iniconfig mako markupsafe mypy "
        "mypy_extensions packaging pathspec pip pluggy pycparser pydantic pydantic_core pydantic_settings "
        "pygments pytest execnet pytest_asyncio pytest_cov pytest_xdist xdist python_dotenv ruff setuptools "
        "sniffio sqlalchemy starlette tenacity typing_extensions typing_inspection tzdata uv uvicorn uvloop "
        "watchfiles websockets wheel yaml"
    ),
    "a driver of another database": "aioodbc mssql_python mysqlclient oracledb psycopg2 pymssql pyodbc",
    "a module of some Python version": (
        "annotationlib asynchat asyncore compression distutils imp profiling smtpd test"
    ),
    "a keyword of some Python version": "lazy type",
    "a device name of Windows": (
        "aux con nul prn com0 com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt0 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 "
        "lpt7 lpt8 lpt9"
    ),
}

SLUG = re.compile(r"[a-z](?:[a-z0-9_]*[a-z0-9])?")
# What hatchling, setuptools, flit, poetry and uv all accept in `authors`: a local part of ASCII atoms, a domain
# with a dot. A domain may be in any script; quoted local parts and address literals are refused.
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"(?:[A-Za-z0-9_-]|[^\x00-\x7F\s])+"
EMAIL = re.compile(rf"{ATOM}(?:\.{ATOM})*@{LABEL}(?:\.{LABEL})+")

# "Trojan Source" (CVE-2021-42574): these make a line look different from what it is. The marks that right-to-left
# scripts need (U+200E, U+200F, U+061C) and the joiners of scripts and emoji (U+200C, U+200D) are harmless and allowed.
DIRECTION_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
BYTE_ORDER_MARK = "\ufeff"  # readers drop it, so it would not come back unchanged
LAST_OF_A_PLANE = 0xFFFE  # this and the next code point of each plane are no characters, and YAML refuses them
LINE_BREAKS = frozenset("\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")


def shown(answer: object) -> str:
    """Return the answer for a sentence: on one line, unprintable characters escaped, not too long."""
    text = answer if isinstance(answer, str) else str(answer)
    return repr(text) if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]!r}..."


def unprintable(character: str) -> str:
    """Say why a character cannot stand in a file that people read, or return an empty string."""
    if character in LINE_BREAKS:
        return "a line break"
    if character in DIRECTION_OVERRIDES:
        return "a direction override, which hides what the text says"
    if character == BYTE_ORDER_MARK:
        return "a byte order mark"
    if ord(character) & LAST_OF_A_PLANE == LAST_OF_A_PLANE or "\ufdd0" <= character <= "\ufdef":
        return "a code point that Unicode keeps free"
    # Unassigned code points pass: they may be letters of a newer Unicode than this Python knows.
    return {"Cc": "a control character", "Cs": "half of a character"}.get(unicodedata.category(character), "")


def text_faults(question: str, answer: object) -> Iterator[str]:
    """Yield why free text would not come back unchanged from every file it is rendered to."""
    if not isinstance(answer, str):
        yield f"{question}: {shown(answer)} is not text; put it in quotes where it is configured."
        return
    if question in REQUIRED and all(unicodedata.category(character) in INVISIBLE for character in answer):
        yield f"{question}: {shown(answer)} has no visible character; give some text."
    if len(answer) > LONGEST_TEXT:
        yield f"{question}: {shown(answer)} has {len(answer)} characters; use at most {LONGEST_TEXT}."
    bad = [(place, character) for place, character in enumerate(answer, 1) if unprintable(character)]
    if bad:
        place, character = bad[0]
        fix = "remove it" if len(bad) == 1 else f"remove it and {len(bad) - 1} more like it"
        why = unprintable(character)
        yield f"{question}: {shown(answer)} holds U+{ord(character):04X} ({why}) at character {place}; {fix}."
    elif answer != answer.strip():
        yield f"{question}: {shown(answer)} begins or ends with a blank, which headings and metadata lose; remove it."


def email_faults(answer: object) -> Iterator[str]:
    """Yield why build tools would refuse the address; it may be empty."""
    faults = list(text_faults("author_email", answer))
    yield from faults
    if faults or not isinstance(answer, str) or not answer:
        return
    if len(answer) > LONGEST_EMAIL or not EMAIL.fullmatch(answer):
        fix = "give one like 'a@example.com', or leave it empty"
        yield f"author_email: {shown(answer)} is not an e-mail address; {fix}."


def reserved_names() -> dict[str, str]:
    """Return each name that a project cannot have, with what it is the name of."""
    reserved = dict.fromkeys(sys.stdlib_module_names, "a module of Python's standard library")
    for modules in DRIVERS.values():
        reserved |= dict.fromkeys(modules, "a package the project uses")
    for meaning, names in RESERVED.items():
        reserved |= dict.fromkeys(names.split(), meaning)
    return reserved | dict.fromkeys([*keyword.kwlist, *keyword.softkwlist], "a keyword of Python")


def distribution_name(slug: str) -> str:
    """Return the slug as package indexes compare it: `a__b` is the same distribution as `a_b`."""
    return re.sub(r"_+", "_", slug.lower())


def suggestion(slug: str, reserved: dict[str, str]) -> str:
    """Return a valid slug that is similar to the answer."""
    words = re.sub(r"[^a-z0-9]+", "_", slug.lower()).strip("_") or "my_service"
    if not words[0].isalpha():
        words = f"app_{words}"
    words = words[: LONGEST_SLUG - len("_service")].strip("_")
    return f"{words}_service" if words in reserved else words


def slug_faults(answer: str, project_name: object, reserved: dict[str, str]) -> Iterator[str]:
    """Yield why the slug cannot name a folder, a distribution and a Python identifier at once."""
    fix = f"give one such as project_slug={suggestion(answer, reserved)}"
    if not answer:
        yield f"project_slug: '' is empty (project_name is {shown(project_name)}); {fix}."
    elif len(answer) > LONGEST_SLUG:
        yield f"project_slug: {shown(answer)} has {len(answer)} characters, more than {LONGEST_SLUG}; {fix}."
    elif not SLUG.fullmatch(answer):
        rule = "lower-case letters a-z, digits and _, with a letter first and no _ last"
        yield f"project_slug: {shown(answer)} is not made of {rule}; {fix}."
    elif meaning := reserved.get(distribution_name(answer)):
        yield f"project_slug: {shown(answer)} is {meaning}; {fix}."


def find_faults(context: dict[str, object]) -> Iterator[str]:
    """Yield every fault of every answer, in the order of the questions."""
    slug = context["project_slug"]
    if slug == "refused_answer":
        slug = context["__answered_slug"]
    yield from text_faults("project_name", context["project_name"])
    yield from slug_faults(str(slug), context["project_name"], reserved_names())
    yield from text_faults("description", context["description"])
    yield from text_faults("author_name", context["author_name"])
    yield from email_faults(context["author_email"])
    # Cookiecutter refuses an unknown choice itself, except in a replay file.
    backend = context["database_backend"]
    if backend not in DRIVERS:
        yield f"database_backend: {shown(backend)} is unknown; choose one of {', '.join(DRIVERS)}."


def read_context() -> dict[str, object]:
    """Return all that Cookiecutter knows, with the texts exactly as they were answered."""
    context: dict[str, object] = json.loads(CONTEXT)
    for question, characters in json.loads(CHARACTERS).items():
        if isinstance(context[question], str):
            context[question] = "".join(characters)
    return context


def command_again(context: dict[str, object], faults: list[str]) -> str:
    """Return the command that asks only for the refused answers, with all others filled in; or an empty text."""
    refused = {fault.partition(":")[0] for fault in faults}
    answers = {question: answer for question, answer in context.items() if not question.startswith("_")}
    # Cookiecutter would render an answer with braces, and on its command line each answer is a text.
    kept = [
        f"{question}={answer}"
        for question, answer in answers.items()
        if question not in refused and isinstance(answer, str) and "{" not in answer
    ]
    return shlex.join(["cookiecutter", str(context["_template"]), *kept]) if "_template" in context else ""


def version_fault(found: str) -> str:
    """Return why this version of Cookiecutter cannot render the template; nothing when it can."""
    if tuple(map(int, re.findall(r"\d+", found)[:2])) >= OLDEST_COOKIECUTTER:
        return ""
    return f"cookiecutter: {found} cannot render this template; use 2.7 or newer, as `uvx cookiecutter` does."


def cookiecutter_version() -> str:
    """Return the version of the Cookiecutter that runs this hook, which does so with its own Python.

    The name of its metadata says it. To import `importlib.metadata` takes longer than the rest of this hook.
    """
    for folder in sys.path:
        for name in glob("cookiecutter-[0-9]*-info", root_dir=folder or None):
            return name.split("-")[1].removesuffix(".dist").removesuffix(".egg")
    return "2.7"  # another program renders the template


def main() -> int:
    """Print the faults and return the exit code."""
    if fault := version_fault(cookiecutter_version()):
        print(fault, file=sys.stderr)
        return 1
    context = read_context()
    faults = list(find_faults(context))
    for fault in faults:
        print(fault, file=sys.stderr)  # never fails: Python escapes what a console cannot show on standard error
    if faults and (command := command_again(context, faults)):
        with suppress(OSError, UnicodeError):  # a console that cannot show an answer
            print(f"To answer only that again:\n\n    {command}\n", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
