"""Add what people who label on a page hold, leave to others, and answered."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "label_claims",
        sa.Column("prediction_id", sa.String(32), primary_key=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("tab", sa.String(32), nullable=False),
        sa.Column("until_s", sa.Float, nullable=False),
    )
    op.create_index("ix_label_claims_model", "label_claims", ["model"])
    op.create_table(
        "left_to_others",
        sa.Column("prediction_id", sa.String(32), primary_key=True),
        sa.Column("who", sa.String(64), primary_key=True),
        sa.Column("model", sa.String(64), nullable=False),
    )
    op.create_index("ix_left_to_others_model", "left_to_others", ["model", "who"])
    op.create_table(
        "label_answers",
        sa.Column("answer_id", sa.String(64), primary_key=True),
        sa.Column("prediction_id", sa.String(32), primary_key=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("said", sa.String(16), nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("undone_at", sa.String(32)),
    )
    op.create_index("ix_label_answers_prediction_id", "label_answers", ["prediction_id"])
