"""Revisions as a team writes them by hand."""

from pathlib import Path
from textwrap import indent

TEXT = '''\
"""Change something."""

import sqlalchemy as sa
from alembic import op
{more}

revision: str = "{number:04}"
down_revision: str | None = "{before:04}"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Apply the change."""
{upgrade}


def downgrade() -> None:
    """Take the change back."""
{downgrade}
'''


def write_revision(folder: Path, number: int, upgrade: str, downgrade: str = "pass", more: str = "") -> Path:
    """Write a revision that follows the one before it.

    Args:
        folder: the service.
        number: of the revision; the template's own one is the first.
        upgrade: what it does.
        downgrade: what takes that back.
        more: what stands at the top of the module, beside the usual imports.
    """
    path = folder / "migrations" / "versions" / f"{number:04}_change.py"
    bodies = {"upgrade": indent(upgrade, "    "), "downgrade": indent(downgrade, "    ")}
    path.write_text(TEXT.format(number=number, before=number - 1, more=more, **bodies), encoding="utf-8")
    return path
