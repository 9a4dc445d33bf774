{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
"""Create my_table, users and jobs.

Revision: 0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op

from packages.database.types import JsonDocument, UtcDateTime

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "my_table",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Unicode(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_my_table")),
{% for option, value in db.table_options.items() %}
        {{ option }}="{{ value }}",
{% endfor %}
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("email", sa.Unicode(length=254), nullable=False),
        sa.Column("name", sa.Unicode(length=255), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
{% for option, value in db.table_options.items() %}
        {{ option }}="{{ value }}",
{% endfor %}
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Unicode(length=255), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("payload", JsonDocument(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'succeeded', 'failed')",
            name=op.f("ck_jobs_status"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_jobs_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
{% for option, value in db.table_options.items() %}
        {{ option }}="{{ value }}",
{% endfor %}
    )
    op.create_index(op.f("ix_jobs_owner_id"), "jobs", ["owner_id"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("jobs")
    op.drop_table("users")
    op.drop_table("my_table")
