"""Published tables beside measurements of our own; what items say is kept ready for boards."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    kind = sa.Column("kind", sa.String(16), nullable=False, server_default="measured")
    op.add_column("measurements", kind)
    op.create_index("measurements_by_system", "measurements", ["system", "created"])
    op.create_table(
        "item_tables",
        sa.Column("measurement", sa.String(16), sa.ForeignKey("measurements.id"), primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("item_tables")
    op.drop_index("measurements_by_system", "measurements")
    op.drop_column("measurements", "kind")
