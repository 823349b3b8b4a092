"""Add the texts that were drawn at random from the traffic."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "draws",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("prediction_id", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("chance", sa.Float, nullable=False),
        sa.Column("until_number", sa.BigInteger, nullable=False),
        sa.Column("until", sa.String(32), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.UniqueConstraint("prediction_id", name="uq_draws_once"),
    )
    op.create_index("ix_draws_model", "draws", ["model", "version"])
