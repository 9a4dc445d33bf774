"""Processes in the environments of services, that do what they are told and say what it took."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.rig import HERE, Service
from tests.template import Project, plain_environment


class Worker:
    """A process that answers each line of JSON with one."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        """Wait until it is ready."""
        self._process = process
        self._log = log
        self._answer()

    def order(self, **order: object) -> Any:  # noqa: ANN401 - what the script answers
        """Give an order, and return the answer."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._answer())
        if answer.get("failed"):
            raise RuntimeError(f"{answer['failed']} requests of {order} failed: {self._log.read_text()}")
        return answer

    def _answer(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process has ended: {self._log.read_text()}")
        return line


@contextmanager
def worker(
    project: Project, script: str, arguments: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> Iterator[Worker]:
    """Run a script of `benchmarks/inside` in the environment of a project until the block ends."""
    shutil.copy(HERE / "inside" / script, project.folder)
    log = project.folder / f"{script}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(project.bin / "python"), script, *arguments],
            cwd=project.folder,
            env={**plain_environment(), **project.env, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    try:
        yield Worker(process, log)
    finally:
        assert process.stdin
        assert process.stdout
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@contextmanager
def asgi(service: Service) -> Iterator[Worker]:
    """Run a service in a process that calls its application itself, without HTTP."""
    with worker(service.project, "asgi.py", [service.app], service.env) as process:
        yield process
