"""Add what the loop does by itself, proposals, and what a job costs and why the loop started it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("cpu_s", sa.Float))
    op.add_column("jobs", sa.Column("after_label", sa.BigInteger))
    op.add_column("jobs", sa.Column("reason", sa.Text))
    op.create_table(
        "proposals",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("waiting", sa.String(16)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decision_id", sa.Integer),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.String(32)),
        sa.Column("ended_by", sa.String(128)),
        sa.Column("job_id", sa.Integer),
    )
    op.create_index("ix_proposals_model", "proposals", ["model", "id"])
    is_open = sa.text("status = 'open'")
    op.create_index(
        "uq_proposals_open", "proposals", ["model"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_table(
        "loop_steps",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("seen_at", sa.String(32), nullable=False),
        sa.Column("did", sa.String(16), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("rule", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("until", sa.String(32)),
        sa.Column("by", sa.String(128), nullable=False),
        sa.Column("decision_id", sa.Integer),
        sa.Column("job_id", sa.Integer),
        sa.Column("after_job", sa.Integer, nullable=False),
        sa.Column("after_promotion", sa.Integer, nullable=False),
        sa.Column("after_label", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_loop_steps_model", "loop_steps", ["model", "id"])
