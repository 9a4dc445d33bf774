{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
"""Settings accept the usual spellings of a value, and refuse a wrong one in one sentence."""

from pathlib import Path

import pytest
{% if db.server %}
from pydantic import SecretStr
{% endif %}

{% if not db.server %}
from packages.config import PROJECT_ROOT
{% endif %}
from packages.config.database_url import DRIVERNAME, parse_database_url
from packages.config.settings import Settings, load_settings
from packages.config.spelling import warn_of_unknown_settings

{% if db.server %}
LOCATION = "app:s3cret@db.example:{{ db.port }}/app"


@pytest.mark.parametrize(
    "text",
    [
        f"{DRIVERNAME}://{LOCATION}",
{% for spelling in db.spellings %}
        f"{{ spelling }}://{LOCATION}",
{% endfor %}
        f"  {DRIVERNAME.upper()}://{LOCATION}\n",
    ],
)
def test_other_spellings_are_accepted(text: str) -> None:
    """Platforms and shells spell the same URL in many ways."""
    url = parse_database_url(text)
    assert url.render_as_string(hide_password=False) == f"{DRIVERNAME}://{LOCATION}"


{% if db.server %}
def test_read_url_is_treated_like_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """`DATABASE_READ_URL` may be spelled in the same ways, and the password applies to both."""
    location = LOCATION.replace(":s3cret@", "@")
    monkeypatch.setenv("DATABASE_READ_URL", f"{{ db.spellings[0] }}://{location}")
    monkeypatch.setenv("DATABASE_PASSWORD", "s3cret")
    url = load_settings().DATABASE_READ_URL
    assert url is not None
    assert url.render_as_string(hide_password=False) == f"{DRIVERNAME}://{LOCATION}"
    monkeypatch.setenv("DATABASE_READ_URL", "replica")
    with pytest.raises(SystemExit, match=r"^DATABASE_READ_URL: it is not a database URL"):
        load_settings()


{% endif %}
{% if db.multi_host %}
def test_several_hosts_are_kept() -> None:
    """A URL with several hosts, as the driver's own library takes it, names all of them."""
    text = f"{DRIVERNAME}://app:s3cret@a:1,b:2/app?target_session_attrs=read-write"
    url = parse_database_url(text)
    assert url.query == {"host": ("a:1", "b:2"), "target_session_attrs": "read-write"}
    assert (url.username, url.password, url.database) == ("app", "s3cret", "app")


{% endif %}
@pytest.mark.parametrize("password", ["s3cret", "p@ss:w/rd%?#+ &", "ßpässwörd 密", "'\"\\`$"])
def test_password_may_be_given_separately(password: str) -> None:
    """A password in `DATABASE_PASSWORD` needs no escaping and reaches the driver unchanged."""
    url = parse_database_url(f"{DRIVERNAME}://app@db.example/app")
    settings = Settings(DATABASE_URL=url, DATABASE_PASSWORD=SecretStr(password))
    assert settings.DATABASE_URL.password == password
    assert settings.DATABASE_URL.host == "db.example"


@pytest.mark.parametrize("source", ["environment", "file"])
def test_line_break_after_a_password_is_dropped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str
) -> None:
    """The line break that `echo` writes is not part of the password."""
    if source == "environment":
        monkeypatch.setenv("DATABASE_PASSWORD", "pass word\n")
    else:
        monkeypatch.delenv("DATABASE_PASSWORD", raising=False)
        monkeypatch.setitem(Settings.model_config, "env_file", None)
        monkeypatch.setitem(Settings.model_config, "secrets_dir", tmp_path)
        (tmp_path / "DATABASE_PASSWORD").write_text("pass word\n")
    assert load_settings().DATABASE_URL.password == "pass word"


def test_empty_password_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable does not silently override a mounted secret."""
    monkeypatch.setenv("DATABASE_PASSWORD", "")
    with pytest.raises(SystemExit, match=r"^DATABASE_PASSWORD: it is empty; .*remove"):
        load_settings()


@pytest.mark.parametrize("location", ["app", "App:app", "app:Password", "app:{{ db.spellings[0] }}"])
def test_production_refuses_a_password_that_is_easily_guessed(
    monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    """A development password, or none, does not reach production."""
    monkeypatch.setenv("DATABASE_URL", f"{DRIVERNAME}://{location}@{LOCATION.partition('@')[2]}")
    monkeypatch.delenv("DATABASE_PASSWORD", raising=False)
    monkeypatch.delenv("ENVIRONMENT", raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setitem(Settings.model_config, "secrets_dir", None)
    load_settings()
    monkeypatch.setenv("ENVIRONMENT", "production")
    with pytest.raises(SystemExit, match=r"^DATABASE_PASSWORD: .*easily guessed"):
        load_settings()
    monkeypatch.setenv("DATABASE_PASSWORD", "Kk2-7fXw")
    load_settings()


def test_driver_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is missing is reported when the settings load, not at the first request."""

    def fail() -> None:
        raise ImportError("libdriver.so: cannot open shared object file")

    url = f"{DRIVERNAME}://{LOCATION}"
    monkeypatch.setattr(parse_database_url(url).get_dialect(), "import_dbapi", fail)
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(SystemExit, match=r"^DATABASE_URL: its driver cannot be loaded: libdriver"):
        load_settings()


def test_password_is_never_shown() -> None:
    """No text form or dump of the settings contains the password."""
    url = parse_database_url(f"{DRIVERNAME}://{LOCATION}")
    settings = Settings(DATABASE_URL=url, DATABASE_PASSWORD=SecretStr("canary"))
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    shown += f"{tuple(url)} {tuple(settings.DATABASE_URL)}"
    assert "s3cret" not in shown
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("app:s3cret@db.example/app", "not a database URL"),
        (f"sqlite+nodriver://{LOCATION}", "not {{ db.name }}"),
        (f"{DRIVERNAME.partition('+')[0]}+nodriver://{LOCATION}", "the driver 'nodriver'"),
        (f"{DRIVERNAME}://app:s3cret@db.example:port/app", "port is not a number"),
        (f"{DRIVERNAME}://app:s3cret@db.example", "names no database"),
        (f"{DRIVERNAME}://app:s3cret@word@db.example/app", "percent-encode"),
        (f"{DRIVERNAME}://app:s3cret/word@db.example/app", "percent-encode"),
        (f"{DRIVERNAME}://app:s3cret#word@db.example/app", "percent-encode"),
        (f"{DRIVERNAME}://app:s3cret?word@x@db.example/app", "percent-encode"),
        (f"{DRIVERNAME}://app@db.example/app?password=s3cret", "DATABASE_PASSWORD"),
{% if db.multi_host %}
        (f"{DRIVERNAME}://app:s3cret@a:1,b:port/app", "no name with a port number"),
        (f"{DRIVERNAME}://app:s3cret,word?x/y@a/app", "no name with a port number"),
{% endif %}
    ],
)
def test_unusable_url_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    """The message names the setting and what to do, and contains no part of a password."""
    monkeypatch.setenv("DATABASE_URL", text)
    with pytest.raises(SystemExit) as refused:
        load_settings()
    message = str(refused.value)
    assert message.startswith("DATABASE_URL: ")
    assert sentence in message
    assert "\n" not in message
    assert "s3cret" not in message
    assert "word@" not in message
{% else %}

@pytest.mark.parametrize("text", ["sqlite:///a.db", f"{DRIVERNAME}:///a.db", "  SQLite:///a.db\n"])
def test_other_spellings_are_accepted(text: str) -> None:
    """Shells and editors spell the same URL in many ways."""
    assert parse_database_url(text).drivername == DRIVERNAME


def test_relative_path_starts_at_the_project(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The path does not depend on the folder in which a command runs."""
    monkeypatch.chdir(tmp_path)
    url = parse_database_url("sqlite:///a.db")
    assert url.database == str(PROJECT_ROOT / "a.db")


def test_absolute_path_is_kept(tmp_path: Path) -> None:
    """Four slashes begin an absolute path."""
    url = parse_database_url(f"sqlite:///{tmp_path}/a.db")
    assert url.database == str(tmp_path / "a.db")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("a.db", "not a database URL"),
        ("postgresql://db.example/app", "not {{ db.name }}"),
        ("sqlite+nodriver:///a.db", "the driver 'nodriver'"),
        ("sqlite://a.db", "followed by a host name"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:///file:a.db?uri=true", "give the path"),
        ("sqlite:///tests", "is a folder"),
        ("sqlite:///no/such/folder/a.db", "does not exist"),
    ],
)
def test_unusable_url_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    """The message names the setting, what is wrong with it, and what to do."""
    monkeypatch.setenv("DATABASE_URL", text)
    with pytest.raises(SystemExit) as refused:
        load_settings()
    message = str(refused.value)
    assert message.startswith("DATABASE_URL: ")
    assert sentence in message
    assert "\n" not in message
{% endif %}


@pytest.mark.parametrize("text", ["0", "-1", "many", ""])
def test_unusable_number_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """A pool without connections is refused when the settings load, not at the first request."""
    monkeypatch.setenv("DATABASE_POOL_SIZE", text)
    with pytest.raises(SystemExit, match=r"^DATABASE_POOL_SIZE: .*(integer|greater than 0)"):
        load_settings()


def test_environment_overrides_env_file_and_that_overrides_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A setting is taken from the environment first, then from `.env`, then from a secret file."""
    name = "DATABASE_POOL_SIZE"
    env_file = tmp_path / ".env"
    secret = tmp_path / name
    monkeypatch.setitem(Settings.model_config, "env_file", env_file)
    monkeypatch.setitem(Settings.model_config, "secrets_dir", tmp_path)
    monkeypatch.delenv(name, raising=False)
    secret.write_text("3\n")
    assert load_settings().DATABASE_POOL_SIZE == 3
    env_file.write_text(f"{name}=4\n")
    assert load_settings().DATABASE_POOL_SIZE == 4
    monkeypatch.setenv(name, "5")
    assert load_settings().DATABASE_POOL_SIZE == 5


def test_unreadable_secret_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A secret that is not text is reported in one sentence, without a traceback."""
    monkeypatch.setitem(Settings.model_config, "secrets_dir", tmp_path)
    (tmp_path / "DATABASE_URL").write_bytes(b"\xff\xfe")
    with pytest.raises(SystemExit, match="cannot be read as UTF-8"):
        load_settings()


def test_missing_secrets_folder_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A `SECRETS_DIR` that was not mounted is reported at once."""
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "none"))
    monkeypatch.setattr("packages.config.settings.SECRETS_DIR", tmp_path / "none")
    with pytest.raises(SystemExit, match=r"^SECRETS_DIR: there is no folder"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "name"),
    [("prod", "production"), ("PRODUCTION", "production"), ("Dev", "development"), ("ci", "test")],
)
def test_environment_may_be_written_in_many_ways(
    monkeypatch: pytest.MonkeyPatch, text: str, name: str
) -> None:
    """What people call an environment is understood, so that no check is off by a spelling."""
    monkeypatch.setenv("ENVIRONMENT", text)
    monkeypatch.setenv("DATABASE_PASSWORD", "Kk2-7fXw")
    environment = load_settings().ENVIRONMENT
    assert environment == name


def test_unknown_environment_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that nobody knows is an error, not one without checks."""
    monkeypatch.setenv("ENVIRONMENT", "prdo")
    with pytest.raises(SystemExit, match=r"^ENVIRONMENT: 'prdo' is none of development, .*; give"):
        load_settings()


def test_misspelled_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A name that is nearly a setting is logged with the right one; its value is not."""
    env_file = tmp_path / ".env"
    env_file.write_text("LOG_LEVELS=s3cret\n")
    monkeypatch.setenv("DATABSE_URL", "s3cret")
    monkeypatch.setenv("DATABASE_POOLSIZE", "s3cret")
    monkeypatch.setenv("TEST_DATABASE_URL", "s3cret")
    warn_of_unknown_settings(Settings.model_fields, env_file)
    assert caplog.messages == [
        f"{name}: there is no such setting, so it is ignored; is it {setting}?"
        for name, setting in [
            ("DATABASE_POOLSIZE", "DATABASE_POOL_SIZE"),
            ("DATABSE_URL", "DATABASE_URL"),
            ("LOG_LEVELS", "LOG_LEVEL"),
        ]
    ]
