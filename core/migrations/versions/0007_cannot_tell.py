"""Add the predictions whose label a person cannot tell."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "cannot_tell",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("prediction_id", sa.String(32), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.UniqueConstraint("prediction_id", "source", name="uq_cannot_tell_once"),
    )
