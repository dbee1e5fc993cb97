"""Published tables stand beside measurements of our own; a newest one is found by system."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    kind = sa.Column("kind", sa.String(16), nullable=False, server_default="measured")
    op.add_column("measurements", kind)
    op.create_index("measurements_by_system", "measurements", ["system", "created"])


def downgrade() -> None:
    op.drop_index("measurements_by_system", "measurements")
    op.drop_column("measurements", "kind")
