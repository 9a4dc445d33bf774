{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% from 'code.jinja' import imports with context %}
"""Settings accept the usual spellings of a value, and refuse a wrong one in one sentence."""

from pathlib import Path

import pytest
{{- imports("pydantic", SecretStr=db.server) }}

{{ "from packages.config import PROJECT_ROOT\n" if not db.server -}}
from packages.config.database_url import DRIVERNAME, parse_database_url
from packages.config.settings import Settings, load_settings
from packages.config.spelling import warn_of_unknown_settings

{% include db.kind ~ '/tests/test_settings.py' %}


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
    """Usual names of an environment are accepted, so that no spelling turns a check off."""
    monkeypatch.setenv("ENVIRONMENT", text)
    monkeypatch.setenv("DATABASE_PASSWORD", "Kk2-7fXw")
    environment = load_settings().ENVIRONMENT
    assert environment == name


def test_unknown_environment_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown environment is an error, not an environment without checks."""
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
