"""Add rules of changed labels, labels that wait for a person's confirmation, and labelled rows from files."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "label_rules",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("target", sa.Text),
        sa.Column("undoes", sa.Integer),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("ix_label_rules_model", "label_rules", ["model", "id"])
    op.create_table(
        "doubtful_labels",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("prediction_id", sa.String(32), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.UniqueConstraint("prediction_id", "label", "source", name="uq_doubtful_once"),
    )
    op.create_index("ix_doubtful_labels_model", "doubtful_labels", ["model"])
    op.create_table(
        "added_rows",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("pair", sa.Text),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_index("ix_added_rows_model", "added_rows", ["model", "source"])
