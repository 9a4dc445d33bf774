"""Write what the template renders as `packages/database/config.py`, for each database and style, to `docs/rendered/`.

A reader sees there what the template renders, and a review sees what a change of the template does.
"""

import json
import tempfile
from itertools import product
from pathlib import Path

from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parents[1]
RENDERED = TEMPLATE / "docs" / "rendered"
MODULE = "packages/database/config.py"


def rendered() -> dict[str, str]:
    """Render each database in each style; return the text of the module, by the name of the file that shows it."""
    context = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    texts = {}
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch, "config.yaml")
        # The answers and templates that a user keeps are neither read nor written.
        places = {"replay_dir": f"{scratch}/replay", "cookiecutters_dir": f"{scratch}/templates"}
        config.write_text(json.dumps(places), encoding="utf-8")
        for backend, style in product(context["database_backend"], context["session_style"]):
            project = cookiecutter(
                str(TEMPLATE),
                no_input=True,
                extra_context={"database_backend": backend, "session_style": style},
                output_dir=f"{scratch}/{backend}-{style}",
                config_file=str(config),
                accept_hooks=False,
            )
            texts[f"{backend}-{style}.py"] = Path(project, MODULE).read_text(encoding="utf-8")
    return texts


def main() -> None:
    """Write the files, and remove those of a database that is no longer offered."""
    texts = rendered()
    RENDERED.mkdir(exist_ok=True)
    for path in RENDERED.glob("*.py"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (RENDERED / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
