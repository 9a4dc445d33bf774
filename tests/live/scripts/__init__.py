"""Programs that the tests run inside a rendered project's own environment; each prints JSON.

They are written for the async style; their twins for the sync style are made as those of the template are.
"""

import subprocess
from pathlib import Path

from scripts.twins import twin
from tests.template import Project

FOLDER = Path(__file__).parent
# Async in both styles, or a text for each style.
AS_THEY_ARE = {"cancelling": "cancelling", "concurrency": "concurrency_{}"}
RUN = """\
import ast, asyncio, sys
waiting = eval(compile(sys.argv[1], "text", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), {})
if waiting is not None:
    asyncio.run(waiting)
"""


def put_script(project: Project, style: str, *names: str) -> Path:
    """Write scripts into a project, in its style; return the path of the last one."""
    path = project.folder
    for name in ("concurrency", *names):
        text = (FOLDER / f"{AS_THEY_ARE.get(name, name).format(style)}.py").read_text(encoding="utf-8")
        path = project.folder / f"{name}.py"
        path.write_text(twin(text) if style == "sync" and name not in AS_THEY_ARE else text, encoding="utf-8")
    return path


def run_text(
    project: Project, style: str, text: str, *options: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a text for the async style, with `await` at its top level, in the project's style."""
    return project.run("python", *options, "-c", RUN, twin(text) if style == "sync" else text, check=check)
