{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% import 'settings.jinja' as database with context %}
{% from 'code.jinja' import imports with context %}
"""Settings of the service: read from the environment, from `.env` and from a secrets directory.

Precedence, first wins: environment variable, line in `.env`, file in the secrets directory
(`/run/secrets`, or what the environment variable `SECRETS_DIR` names), default. A secret is a file
with the name of its setting, as Docker and Kubernetes mount them.
"""

import os
from pathlib import Path
from typing import Annotated, Literal{{ ", Self" if db.server }}
{{ imports(
    "pydantic",
    BeforeValidator=true,
    Field=true,
    FilePath="DATABASE_TLS_CA_FILE" in db.settings,
    NonNegativeInt=true,
    PlainSerializer=true,
    PlainValidator=true,
    PositiveFloat=true,
    PositiveInt=true,
    SecretStr=db.server,
    ValidationError=true,
    model_validator=db.server,
) }}
from pydantic_settings import NoDecode, SettingsConfigDict, SettingsError
from sqlalchemy import URL

from packages.config import PROJECT_ROOT
from packages.config.database_url import {{ "SPELLINGS, Password, " if db.server }}parse_database_url
from packages.config.service_settings import ServiceSettings
from packages.config.spelling import warn_of_unknown_settings

SECRETS_DIR = Path(os.environ.get("SECRETS_DIR") or "/run/secrets")
SERVICE = "{{ cookiecutter.project_slug }}"
DEFAULT_URL = {{ "f" if "SERVICE" in db.location }}"{{ db.drivername }}://{{ db.location }}"

{% if db.server %}
# Attackers try these first, and the names of the database system, the database and its user.
COMMON_PASSWORDS = {"admin", "changeme", "changethis", "example", "password", "root", "secret"}
GUESSABLE = (
    "DATABASE_PASSWORD: it is easily guessed, which ENVIRONMENT=production refuses;"
    " give a random one"
)
MISSING = (
    "DATABASE_PASSWORD: it is missing, which ENVIRONMENT=production refuses; give it, or set"
    " DATABASE_PASSWORD_REQUIRED=false where a token, a certificate or a socket lets the service in"
)

{% endif %}
ENVIRONMENTS = {
    "development": {"dev", "develop", "local"},
    "test": {"testing", "ci"},
    "staging": {"stage", "stg"},
    "production": {"prod", "prd", "live"},
}

Seconds = Annotated[int, Field(ge=1, le=86_400)]

DatabaseURL = Annotated[
    URL,
    NoDecode,
    # Pydantic checks nothing more: it would make a `str` of the password, whose `repr` shows it.
    PlainValidator(parse_database_url),
    PlainSerializer(lambda url: url.render_as_string(), return_type=str),
]
"""A SQLAlchemy URL: its `repr`, its `str` and its dumps hide the password."""


def _read_environment(value: object) -> str:
    """Return the name of the environment for any usual spelling."""
    text = str(value).strip().lower()
    for name, others in ENVIRONMENTS.items():
        if text in {name, *others}:
            return name
    raise ValueError(f"{value!r} is none of {', '.join(ENVIRONMENTS)}; give one of them")


def _read_level(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value
{% if db.server %}


def _read_password(value: object) -> object:
    """Remove the line break that `echo` adds; refuse an empty password."""
    if not isinstance(value, str):
        return value
    password = value.rstrip("\r\n")
    if not password:
        raise ValueError("it is empty; give the password, or remove the setting")
    return password


def _is_guessable(url: URL) -> bool:
    names = {SERVICE, *SPELLINGS, str(url.username).lower(), str(url.database).lower()}
    return (url.password or "").lower() in {*COMMON_PASSWORDS, *names} - {""}
{% endif %}


class Settings(ServiceSettings):
    """Everything that differs between deployments."""

    model_config = SettingsConfigDict(
        arbitrary_types_allowed=True,
        env_file=PROJECT_ROOT / ".env",
        env_file_encoding="utf-8",
        extra="ignore",
        hide_input_in_errors=True,
        secrets_dir=SECRETS_DIR if SECRETS_DIR.is_dir() else None,
        use_attribute_docstrings=True,
    )

    DATABASE_URL: DatabaseURL = Field(default=DEFAULT_URL, validate_default=True)
    """Where the {{ db.name }} {{ "database is" if db.server else "file is; a relative path starts at the project's folder" }}."""
{% if db.server %}
    DATABASE_PASSWORD: Annotated[SecretStr, BeforeValidator(_read_password)] | None = None
    """The password, when given separately from the URL; it then needs no escaping."""
    DATABASE_PASSWORD_REQUIRED: bool = True
    """false where a token, a certificate or a socket lets the service in, also in production."""
{% endif %}
    ENVIRONMENT: Annotated[
        Literal["development", "test", "staging", "production"],
        BeforeValidator(_read_environment),
    ] = "development"
    """Where the service runs; {{ "`production` refuses a missing or easily guessed password" if db.server else "in staging and production, the log is JSON" }}."""
    LOG_LEVEL: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_read_level)
    ] = "INFO"
    """The least severe level that is logged."""
{% for name, (type, default, sentence) in database.settings %}
    {{ name }}: {{ type }} = {{ default }}
    """{{ sentence }}"""
{% endfor %}
{% if db.server %}

    @model_validator(mode="after")
    def _put_password_into_url(self) -> Self:
        if self.DATABASE_PASSWORD:
            password = Password(self.DATABASE_PASSWORD.get_secret_value())
            self.DATABASE_URL = self.DATABASE_URL.set(password=password)
            if self.DATABASE_READ_URL:
                self.DATABASE_READ_URL = self.DATABASE_READ_URL.set(password=password)
        return self

    @model_validator(mode="after")
    def _refuse_guessable_password(self) -> Self:
        if self.ENVIRONMENT != "production":
            return self
        for url in filter(None, [self.DATABASE_URL, self.DATABASE_READ_URL]):
            if not url.password and self.DATABASE_PASSWORD_REQUIRED:
                raise ValueError(MISSING)
            if _is_guessable(url):
                raise ValueError(GUESSABLE)
        return self
{% if "DATABASE_TLS_CA_FILE" in db.settings %}

    @model_validator(mode="after")
    def _refuse_unused_certificates(self) -> Self:
        if self.DATABASE_TLS_CA_FILE and self.DATABASE_TLS != "verify-full":
            raise ValueError(
                "DATABASE_TLS_CA_FILE: it is used only with DATABASE_TLS=verify-full;"
                " set that, or remove the setting"
            )
        return self
{% endif %}
{% endif %}
{% if "DATABASE_READ_TIMEOUT_SECONDS" in db.settings %}

    @property
    def read_timeout_seconds(self) -> int:
        """Seconds to wait for an answer: above the server's own limit, which should act first."""
        return self.DATABASE_READ_TIMEOUT_SECONDS or self.DATABASE_STATEMENT_TIMEOUT_SECONDS + 5
{% endif %}
{% if "DATABASE_POOLER" in db.settings %}

    @property
    def is_pooled(self) -> bool:
        """Whether each transaction may run on another connection to the server."""
        return self.DATABASE_POOLER == "transaction"
{% endif %}


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        SystemExit: a setting cannot be used. The message has one sentence for each such setting
            and never contains a password.
    """
    if os.environ.get("SECRETS_DIR") and not SECRETS_DIR.is_dir():
        raise SystemExit(f"SECRETS_DIR: there is no folder {SECRETS_DIR}; mount it, or unset it")
    try:
        settings = Settings()
        warn_of_unknown_settings(Settings.model_fields, PROJECT_ROOT / ".env")
    except ValidationError as error:
        sentences = [
            ": ".join([*map(str, detail["loc"]), detail["msg"].removeprefix("Value error, ")])
            for detail in error.errors(include_url=False, include_input=False)
        ]
    except (SettingsError, OSError, UnicodeError):
        sentences = [f"{PROJECT_ROOT}/.env or a file in {SECRETS_DIR} cannot be read as UTF-8"]
    else:
        return settings
    raise SystemExit("\n".join(sentences))


settings = load_settings()
