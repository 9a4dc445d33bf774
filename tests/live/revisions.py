"""Revisions as a team writes them by hand."""

from pathlib import Path
from textwrap import indent

TEXT = '''\
"""Change something."""

import sqlalchemy as sa
from alembic import op
{more}

revision: str = "{number:04}"
down_revision: str | None = {before}
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
    """Write a revision that follows the one before it; the template's own is the first, unless a team has removed it.

    `more` stands at the top of the module, beside the usual imports.
    """
    path = folder / "migrations" / "versions" / f"{number:04}_change.py"
    bodies = {"upgrade": indent(upgrade, "    "), "downgrade": indent(downgrade, "    ")}
    before = f'"{number - 1:04}"' if number > 1 else None
    path.write_text(TEXT.format(number=number, before=before, more=more, **bodies), encoding="utf-8")
    return path
