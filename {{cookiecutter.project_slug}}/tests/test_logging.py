"""The log has one form for all its lines: for people in development, JSON in production."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from packages.config.logging import configure_logging
from packages.config.settings import settings


@pytest.fixture(autouse=True)
def kept_logging() -> Iterator[None]:
    """Restore what the other tests log to."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_log_is_json_where_machines_read_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environment: str
) -> None:
    """Each record is one line that a program can read, with traceback, stack and extra fields."""
    monkeypatch.setattr(settings, "ENVIRONMENT", environment)
    configure_logging()
    error = RuntimeError("two\nlines")
    extra = {"job": 7, "path": Path("a"), "level": "none"}
    logger = logging.getLogger("app")
    logger.error("failed: %s", "é", exc_info=error, stack_info=True, extra=extra)
    [line] = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["message"]) == ("ERROR", "app", "failed: é")
    assert (entry["job"], entry["path"]) == (7, "a")
    assert entry["time"].endswith("+00:00")
    assert entry["exception"].endswith("RuntimeError: two\nlines")
    assert "stack_info=True" in entry["stack"]


def test_log_is_for_people_in_development(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line has the time, the level and the logger; uvicorn's lines have the same form."""
    monkeypatch.setattr(settings, "ENVIRONMENT", "development")
    configure_logging()
    for name in ("app", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).warning("slow")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(maxsplit=2)[2] for line in lines] == [
        f"WARNING  {name}: slow" for name in ("app", "uvicorn.error", "uvicorn.access")
    ]


def test_extra_fields_follow_the_message_in_development(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What JSON has as a field is on the line for people, too, before a traceback."""
    monkeypatch.setattr(settings, "ENVIRONMENT", "development")
    configure_logging()
    extra = {"job": 7, "path": "a b", "color_message": "for uvicorn"}
    logging.getLogger("app").error("failed", exc_info=RuntimeError("why"), extra=extra)
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.endswith("app: failed job=7 path='a b'")
    assert last == "RuntimeError: why"


def test_level_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Records below `LOG_LEVEL` are not written."""
    monkeypatch.setattr(settings, "LOG_LEVEL", "ERROR")
    configure_logging()
    logging.getLogger("app").warning("not written")
    assert not capsys.readouterr().err
