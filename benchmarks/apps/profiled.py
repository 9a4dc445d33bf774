"""A service whose processor time is sampled: `PROFILED=module:name uvicorn profiled:app`; `/samples` tells and resets.

The kernel sends a signal for each millisecond of processor time that the process takes. A sample counts for the layer
of the innermost frame that belongs to one, so that what a layer calls of Python's own library is its own time.
"""

import importlib
import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL_SECONDS = 0.001
HERE = str(Path(__file__).parent / "packages")
# A piece of a path, and the layer; the first that fits counts.
LAYERS = {
    HERE: "the service itself",
    "/sqlalchemy/orm/": "SQLAlchemy, ORM",
    "/sqlalchemy/pool/": "SQLAlchemy, pool",
    "/sqlalchemy/engine/": "SQLAlchemy, engine and rows",
    "/sqlalchemy/dialects/": "SQLAlchemy, dialect",
    "/sqlalchemy/sql/": "SQLAlchemy, statements",
    "/sqlalchemy/": "SQLAlchemy, asyncio, events and others",
    "/psycopg": "driver",
    "/asyncpg/": "driver",
    "/fastapi/": "FastAPI",
    "/starlette/": "Starlette",
    "/uvicorn/": "uvicorn",
    "/pydantic": "pydantic",
}
OTHERS = "event loop and others"

module, _, name = os.environ["PROFILED"].partition(":")
app = getattr(importlib.import_module(module), name)
samples: Counter[str] = Counter()


def layer(frame: FrameType | None) -> str:
    """Return the layer of a frame."""
    while frame:
        path = frame.f_code.co_filename
        for piece, title in LAYERS.items():
            if piece in path:
                return title
        frame = frame.f_back
    return OTHERS


def take_sample(_number: int, frame: FrameType | None) -> None:
    """Count a sample."""
    samples[layer(frame)] += 1


@app.get("/samples")  # type: ignore[untyped-decorator]
async def read_samples() -> dict[str, int]:
    """Return the samples of each layer since the last call."""
    found = dict(samples)
    samples.clear()
    return found


signal.signal(signal.SIGPROF, take_sample)
signal.setitimer(signal.ITIMER_PROF, INTERVAL_SECONDS, INTERVAL_SECONDS)
