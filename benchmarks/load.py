"""Measures point reads of the rendered API under many clients, beside the usual tutorial's pattern.

    .venv/bin/python benchmarks/load.py --clients 32 64 256 --seconds 5

Starts a private PostgreSQL, renders and installs a sync and an async project, and runs `wrk` (a Debian package)
against each variant in turn, in interleaved rounds, so that what else the machine does meets all of them.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.live import wrk
from tests.live.databases import Databases
from tests.live.service import create_database, serve
from tests.template import PYTHONS, Project, install, render

# Called by path; the tests' helpers call the programs of the environment by name.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

TUTORIAL = Path(__file__).with_name("tutorial.py")
USERS = 100
BASELINE = "the tutorial's pattern"


@dataclass(frozen=True)
class Variant:
    """A service to be measured."""

    title: str
    project: Project
    app: str
    pool_size: int


def prepare(folder: Path, databases: Databases, style: str) -> Project:
    """Install a project, migrate its database, and store some users."""
    rendered = render(folder / style, database_backend="postgresql", session_style=style)
    environment = databases.get("postgresql").environment(style, "postgresql", f"benchmark_{style}")
    project = install(rendered, PYTHONS[-1], env=environment)
    create_database(project)
    project.run("alembic", "upgrade", "head")
    with serve(project) as client:
        for number in range(USERS):
            answer = client.post("/users", json={"email": f"{number}@example.com", "name": f"User {number}"})
            answer.raise_for_status()
    shutil.copy(TUTORIAL, project.folder / TUTORIAL.name)
    return project


def measure(variant: Variant, clients: int, seconds: int) -> wrk.Load:
    """Start the service again, warm it up, and put the load on it: no run inherits what another one broke."""
    environment = {"DATABASE_POOL_SIZE": str(variant.pool_size)}
    # A service that has stopped dead does not end in order either.
    with serve(variant.project, environment, app=variant.app, orderly=False) as client:
        wrk.load(client, f"/users/{USERS // 2}", 4, 1)
        return wrk.load(client, f"/users/{USERS // 2}", clients, seconds)


def print_table(variants: list[Variant], clients: list[int], loads: dict[tuple[str, int], list[wrk.Load]]) -> None:
    """Print a line for each variant and number of clients, in Markdown."""
    print("| variant | clients | requests/s, median | p99, median | errors, sum | against the tutorial's pattern |")
    print("|---|---|---|---|---|---|")
    for number in clients:
        rates = {
            variant.title: statistics.median(load.per_second for load in loads[variant.title, number])
            for variant in variants
        }
        for title, rate in rates.items():
            runs = loads[title, number]
            p99 = f"{statistics.median(load.p99_seconds for load in runs):.3f} s" if rate else "-"
            ratio = f"{rate / rates[BASELINE]:.2f}" if rates[BASELINE] else "it serves none" if rate else "-"
            print(f"| {title} | {number} | {rate:.0f} | {p99} | {sum(load.errors for load in runs)} | {ratio} |")


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[32, 64, 256])
    parser.add_argument("--seconds", type=int, default=5, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pool-sizes", type=int, nargs="+", default=[5], help="of ours: DATABASE_POOL_SIZE")
    options = parser.parse_args()
    if reason := wrk.missing():
        print(reason, file=sys.stderr)
        return 1
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        databases = Databases()
        stack.callback(databases.close)
        projects = {style: prepare(folder, databases, style) for style in ("sync", "async")}
        variants = [
            Variant(BASELINE, projects["sync"], f"{TUTORIAL.stem}:app", 5),
            *(
                Variant(f"ours, {style}, pool {size}", project, "packages.api.app:app", size)
                for style, project in projects.items()
                for size in options.pool_sizes
            ),
        ]
        loads: dict[tuple[str, int], list[wrk.Load]] = {}
        for _ in range(options.rounds):
            for clients in options.clients:
                for variant in variants:
                    load = measure(variant, clients, options.seconds)
                    loads.setdefault((variant.title, clients), []).append(load)
                    print(f"{variant.title}, {clients} clients: {load}", file=sys.stderr)
        print_table(variants, options.clients, loads)
    return 0


if __name__ == "__main__":
    sys.exit(main())
