"""Add traffic by minute, guards, incidents, and the mark of a promotion by force."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("promotions", sa.Column("forced", sa.Boolean))
    _add_guards()
    _add_incidents()
    _add_traffic()


def _add_guards() -> None:
    op.create_table(
        "guards",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("previous", sa.String(16)),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("forced", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("after_number", sa.BigInteger, nullable=False),
        sa.Column("promise", sa.JSON, nullable=False),
        sa.Column("found", sa.JSON, nullable=False),
        sa.Column("labels", sa.Integer, nullable=False),
        sa.Column("looked_at", sa.String(32), nullable=False),
        sa.Column("watched_s", sa.Float, nullable=False),
        sa.Column("ended_at", sa.String(32)),
        sa.Column("outcome", sa.String(16)),
        sa.Column("reason", sa.Text),
        sa.UniqueConstraint("model", "since", name="uq_guards_once"),
    )


def _add_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("previous", sa.String(16)),
        sa.Column("guard_id", sa.Integer),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("done", sa.Text, nullable=False),
        sa.Column("after_label", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.String(32)),
    )
    op.create_index("ix_incidents_model", "incidents", ["model", "id"])


def _add_traffic() -> None:
    op.create_table(
        "traffic",
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("minute", sa.String(16), primary_key=True),
        sa.Column("version", sa.String(16), primary_key=True),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("failed_requests", sa.Integer, nullable=False),
        sa.Column("late_requests", sa.Integer, nullable=False),
        sa.Column("answered", sa.Integer, nullable=False),
        sa.Column("abstained", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("seconds", sa.JSON, nullable=False),
    )
    op.create_index("ix_traffic_version", "traffic", ["model", "version", "minute"])
