"""Add the group of a label request: the typical prediction with which it is asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("label_requests", sa.Column("group", sa.String(32)))
