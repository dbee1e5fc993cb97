"""Replies may call tools."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("responses", sa.Column("calls", sa.JSON, nullable=True))
    op.add_column("responses", sa.Column("parts", sa.JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("responses", "parts")
    op.drop_column("responses", "calls")
