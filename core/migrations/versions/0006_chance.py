"""Keep with a label request the probability with which its row was drawn."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("label_requests", sa.Column("chance", sa.Float))
