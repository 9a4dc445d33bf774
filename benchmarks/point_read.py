"""What the slow-query log costs a point read: engines with and without it take turns, on one PostgreSQL server.

    .venv/bin/python benchmarks/point_read.py

Prints the median of each and their ratio. A third engine, again without it, shows how much of that is noise.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import bindparam, insert, select

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.servers import PostgresqlServer
from tests.template import render

ROUNDS, READS = 30, 300


def seconds_per_read(engine: Any, statement: Any) -> float:  # noqa: ANN401 - of the rendered project
    """Return how long a checkout and a read of one row by its key take, on average of a round."""
    begun = perf_counter()
    for key in range(READS):
        with engine.connect() as connection:
            connection.execute(statement, {"key": key + 1}).one()
    return (perf_counter() - begun) / READS


def main() -> None:
    """Measure, and print what was measured."""
    with tempfile.TemporaryDirectory() as folder, PostgresqlServer() as server:
        project = render(Path(folder), database_backend="postgresql")
        server.create_database("service")
        os.environ["DATABASE_URL"] = f"postgresql://{server.user}@{server.host}:{server.port}/service"
        os.environ["DATABASE_PASSWORD"] = server.password
        sys.path.insert(0, str(project))
        from packages.database import config  # noqa: PLC0415 - rendered a moment ago
        from packages.database.models import MyModel  # noqa: PLC0415

        config.Base.metadata.create_all(config.engine)
        with config.engine.begin() as connection:
            connection.execute(insert(MyModel), [{"name": str(number)} for number in range(READS)])
        statement = select(MyModel.name).where(MyModel.id == bindparam("key"))
        engines = {"with": config.engine}
        config.log_slow_queries = lambda *_: None
        engines |= {name: config.engine_for(config.SQLALCHEMY_DATABASE_URL) for name in ("without", "without, again")}
        times: dict[str, list[float]] = {name: [] for name in engines}
        for _ in range(ROUNDS):
            for name, engine in engines.items():
                times[name].append(seconds_per_read(engine, statement))
        for engine in engines.values():
            engine.dispose()
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in medians.items():
        print(f"{name:15} {seconds * 1e6:7.1f} µs   {seconds / medians['without']:.3f} of without")


if __name__ == "__main__":
    main()
