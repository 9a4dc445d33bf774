"""The command: `python -m benchmarks`, or `make benchmarks`."""

import argparse
import datetime as dt
import os
import platform
import sys
import tempfile
import time
import traceback
from contextlib import closing
from pathlib import Path

from benchmarks import report
from benchmarks.results import Run, load, save
from benchmarks.rig import Rig
from benchmarks.suite import SUITE

DOCS = Path(__file__).parents[1] / "docs"


def machine() -> str:
    """Return the class of this machine, such as "2 cores, 23 GB, x86_64, Linux"."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return f"{os.cpu_count()} cores, {memory} GB, {platform.machine()}, {platform.system()}"


def main() -> int:
    """Measure what the command line asks for, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"the benchmarks: {', '.join(SUITE)}; by default all")
    parser.add_argument("--quick", action="store_true", help="a trial: everything once, for figures that mean nothing")
    parser.add_argument("--output", type=Path, default=DOCS, help="the folder of benchmarks.json and benchmarks.md")
    options = parser.parse_args()
    if options.quick and options.output == DOCS:
        parser.error("--quick: its figures mean nothing; give another folder with --output")
    if unknown := [name for name in options.only if name not in SUITE]:
        parser.error(f"{unknown[0]!r} is no benchmark; there are {', '.join(SUITE)}")
    # Called by path; the helpers of the tests call the programs of the environment by name.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    path = options.output / report.DATA
    runs, failed = load(path), False
    with tempfile.TemporaryDirectory() as folder, closing(Rig(Path(folder), quick=options.quick)) as rig:
        for name in options.only or SUITE:
            begun = time.monotonic()
            try:
                measured = SUITE[name].measure(rig)
            except Exception:  # noqa: BLE001 - the others are measured all the same
                traceback.print_exc()
                failed = True
                continue
            seconds = round(time.monotonic() - begun)
            runs[name] = Run(measured, dt.datetime.now(dt.UTC).date().isoformat(), machine(), seconds)
            runs = {each: runs[each] for each in SUITE if each in runs}
            save(path, runs)
            print(f"{name}: {seconds} s", file=sys.stderr)
    report.write(options.output)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
