"""Finds misspelled settings, which would be ignored silently."""

import logging
import os
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values

PREFIX = "DATABASE_"
SIMILARITY = 0.85  # DATABSE_URL is 0.96 similar to DATABASE_URL, TEST_DATABASE_URL 0.83

logger = logging.getLogger(__name__)


def warn_of_unknown_settings(known: Collection[str], env_file: Path) -> None:
    """Log each name in the environment or in `.env` that is nearly a setting, with the right one.

    This is no error: a platform may set variables of its own, such as DATABASE_PRIVATE_URL.
    """
    written = dotenv_values(env_file, encoding="utf-8")
    for name, setting in _misspelled({*os.environ, *written}, known):
        logger.warning("%s: there is no such setting, so it is ignored; is it %s?", name, setting)


def _misspelled(names: Collection[str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    for name in sorted(names):
        if name.upper() in known:
            continue
        similarity = 0.0 if name.upper().startswith(PREFIX) else SIMILARITY
        for setting in get_close_matches(name.upper(), known, n=1, cutoff=similarity):
            yield name, setting
