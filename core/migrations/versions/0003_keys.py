"""Add the name of the API key of a prediction."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("predictions", sa.Column("key", sa.String(64)))
    op.create_index("ix_predictions_key", "predictions", ["key"])
