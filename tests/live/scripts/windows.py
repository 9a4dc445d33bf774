"""Makes a Python resemble that of Windows where a program notices it; the file is named sitecustomize.py there.

There is no Windows in the tests, so this shows only what it imitates: the default event loop, which psycopg refuses;
loops without signal handlers; no fork, and no uvloop.
"""

import asyncio
import asyncio.unix_events
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType, SimpleNamespace
from typing import Any, NoReturn

# Modules that ask for the system to choose or to refuse an event loop.
ASKING = {"packages.database.event_loop", "psycopg.connection_async", "uvicorn.loops.asyncio"}


def refuse(*_arguments: object) -> NoReturn:
    """Be a method that the loops of Windows do not have."""
    raise NotImplementedError


class SelectorEventLoop(asyncio.SelectorEventLoop):
    """The loop that psycopg can use."""

    add_signal_handler = remove_signal_handler = refuse


class ProactorEventLoop(SelectorEventLoop):
    """The default loop."""

    add_reader = add_writer = remove_reader = remove_writer = refuse


class Finder(MetaPathFinder):
    """Hides uvloop, and names the system to the modules that ask."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find one of these modules."""
        if fullname == "uvloop":
            raise ModuleNotFoundError(name=fullname)
        spec = PathFinder.find_spec(fullname, path) if fullname in ASKING else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_on_windows(module: ModuleType) -> None:
            execute(module)
            vars(module)["sys"] = SimpleNamespace(**{**vars(sys), "platform": "win32"})

        vars(spec.loader)["exec_module"] = execute_on_windows
        return spec


changed: Any = asyncio
changed.SelectorEventLoop, changed.ProactorEventLoop = SelectorEventLoop, ProactorEventLoop
for name in ("_UnixDefaultEventLoopPolicy", "_DefaultEventLoopPolicy"):
    if policy := getattr(asyncio.unix_events, name, None):
        policy._loop_factory = ProactorEventLoop  # noqa: SLF001 - as uvloop's own policy does
sys.meta_path.insert(0, Finder())
del os.fork
