"""Commands, and the processor time that they take."""

import resource
from collections.abc import Mapping
from pathlib import Path

from tests.template import run


def processor_seconds(*command: str | Path, cwd: Path, env: Mapping[str, str]) -> float:
    """Run a command, and return the processor time that it and the processes it waited for have taken."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(*command, cwd=cwd, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
