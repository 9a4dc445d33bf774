"""The line for OpenTelemetry in a service's README traces the statements of that service."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.databases import Database
from tests.live.scripts import run_text
from tests.live.service import create_database
from tests.template import PYTHONS, install, render

REQUIREMENTS = ["opentelemetry-instrumentation-sqlalchemy", "opentelemetry-sdk", "sqlalchemy[asyncio]"]
# Each style in the gate: the spans are SQLAlchemy's.
CELLS = [("sqlite", "sync"), ("postgresql", "async"), pytest.param("mariadb", "sync", marks=pytest.mark.slow)]
BEFORE = """\
import json
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
"""
AFTER = """
from sqlalchemy import text

STATEMENT = text("SELECT 'traced' WHERE 'value that is not shown' = :value")
ENGINES = [engine, read_engine]

for each in ENGINES:
    async with each.connect() as connection:
        await connection.execute(STATEMENT, {"value": "secret"})
    await each.dispose()
[metric] = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
pools = sorted({point.attributes["pool.name"] for point in metric.data.data_points})
print(json.dumps([pools, *(dict(span.attributes) for span in exporter.get_finished_spans())]))
"""


@pytest.mark.parametrize(("backend", "style"), CELLS)
def test_the_documented_line_traces_statements(
    tmp_path: Path, get_database: Callable[[str], Database], database_name: str, backend: str, style: str
) -> None:
    """Each statement becomes a span, with its text and without its values; metrics tell the two pools apart."""
    folder = render(tmp_path, database_backend=backend, session_style=style)
    readme = (folder / "README.md").read_text(encoding="utf-8")
    [line] = re.findall(r"```python\n([^`]*SQLAlchemyInstrumentor.*?)```", readme, re.DOTALL)
    environment = get_database(backend).environment(style, backend, database_name)
    project = install(folder, PYTHONS[-1], REQUIREMENTS, environment)
    create_database(project)
    pools, *spans = json.loads(run_text(project, style, BEFORE + line + AFTER).stdout)
    assert pools == ["read", "write"]
    statements = [span["db.statement"] for span in spans if "db.statement" in span]
    # One for each engine.
    assert sum("'traced'" in statement for statement in statements) == 2
    assert "secret" not in str(spans)
