"""Add alerts and their deliveries, and indexes for checks of a version and of files."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("begun_at", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.String(32)),
    )
    op.create_index("ix_alerts_model", "alerts", ["model", "event", "subject"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("alert_id", sa.Integer, nullable=False),
        sa.Column("webhook", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_s", sa.Float),
        sa.Column("sent_at", sa.String(32)),
        sa.Column("error", sa.Text),
    )
    op.create_index("ix_deliveries_due", "deliveries", ["due_s"])
    op.create_index("ix_deliveries_alert_id", "deliveries", ["alert_id", "webhook"])
    op.create_index("ix_checks_version", "checks", ["model", "version", "id"])
    is_of_file = sa.text("source != 'traffic'")
    op.create_index("ix_checks_files", "checks", ["model", "id"], sqlite_where=is_of_file, postgresql_where=is_of_file)
