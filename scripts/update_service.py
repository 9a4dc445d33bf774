"""Update one service to the newest template, on a branch, and write the text of a pull request for it.

    scripts/update_service.py FOLDER TEXTS

FOLDER is a clean clone of the service. TEXTS is a folder for `title` and `body` of the pull request. The last
line printed is the outcome, also as `outcome=` in the file that GITHUB_OUTPUT names:

    current    the service has the newest template; nothing was changed
    updated    the branch holds the update as one commit
    conflicts  the same, but somebody must resolve conflicts: Cruft leaves them and still exits with 0
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

BRANCH = "template-update"
LISTED = 50


def run(*command: str, cwd: Path) -> str:
    """Run a command; return what it prints.

    Raises:
        SystemExit: the command failed; the message is what it printed.
    """
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout


def state(service: Path) -> dict[str, str]:
    """Return Cruft's record of a service.

    Raises:
        SystemExit: the service is not linked to a template.
    """
    try:
        kept: dict[str, str] = json.loads((service / ".cruft.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SystemExit(f"{service}: there is no .cruft.json; link the service with `cruft link` first") from None
    return kept


def conflicts(service: Path) -> list[str]:
    """Return the files with conflicts: those with conflict markers, and rejected hunks."""
    unmerged = run("git", "diff", "--name-only", "--diff-filter=U", cwd=service).splitlines()
    rejected = run("git", "ls-files", "--others", "--exclude-standard", "*.rej", cwd=service).splitlines()
    return [*unmerged, *rejected]


def changes(template: str, old: str, new: str) -> list[str]:
    """Return the subjects of the template's commits between two, the newest first."""
    with tempfile.TemporaryDirectory() as folder:
        run("git", "clone", "--quiet", "--bare", "--filter=blob:none", template, folder, cwd=Path(folder))
        return run("git", "log", "--no-merges", "--format=%s", f"{old}..{new}", cwd=Path(folder)).splitlines()


def body(subjects: list[str], left: list[str]) -> str:
    """Return the text of the pull request, in Markdown."""
    lines = ["What is new in the template:", "", *(f"- {subject}" for subject in subjects[:LISTED])]
    if len(subjects) > LISTED:
        lines.append(f"- and {len(subjects) - LISTED} older changes")
    if left:
        lines += ["", "Resolve the conflicts in these files before you merge:", "", *(f"- `{name}`" for name in left)]
    return "\n".join(lines) + "\n"


def update(service: Path, texts: Path) -> str:
    """Update the service on a branch of its own, write the texts, and return the outcome."""
    old = state(service)["commit"]
    run("git", "switch", "--quiet", "--force-create", BRANCH, cwd=service)
    told = run("cruft", "update", "--skip-apply-ask", cwd=service)
    if not run("git", "status", "--porcelain", cwd=service):
        # Cruft always ends with 0, so look at what it printed.
        return "current" if "already up to date" in told else sys.exit(told)
    new = state(service)["commit"]
    left = conflicts(service)
    title = f"Update the template to {new[:7]}{' (conflicts)' if left else ''}"
    texts.mkdir(parents=True, exist_ok=True)
    (texts / "title").write_text(title, encoding="utf-8")
    (texts / "body").write_text(body(changes(state(service)["template"], old, new), left), encoding="utf-8")
    if (service / "uv.lock").exists() and "pyproject.toml" not in left:
        # The pipeline fails when the lock file does not match pyproject.toml.
        run("uv", "lock", cwd=service)
    run("git", "add", "--all", cwd=service)
    run("git", "commit", "--quiet", "--message", title, cwd=service)
    return "conflicts" if left else "updated"


if __name__ == "__main__":
    outcome = update(Path(sys.argv[1]), Path(sys.argv[2]))
    print(outcome)
    if output := os.environ.get("GITHUB_OUTPUT"):
        with Path(output).open("a", encoding="utf-8") as lines:
            lines.write(f"outcome={outcome}\n")
