"""Add the share and the time left of a job's stage, the wish to cancel it, and its log."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("share", sa.Float))
    op.add_column("jobs", sa.Column("left_s", sa.Float))
    op.add_column("jobs", sa.Column("cancel_requested_at", sa.String(32)))
    op.create_table(
        "job_log",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("job_id", sa.Integer, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("ix_job_log_job_id", "job_log", ["job_id", "id"])
