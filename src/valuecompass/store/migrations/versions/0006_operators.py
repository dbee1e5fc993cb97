"""Tokens of those who may write, jobs of operators, and labels by people."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    when = sa.DateTime(timezone=True)
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(8), primary_key=True),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("created", when, nullable=False),
        sa.Column("expires", when, nullable=True),
        sa.Column("revoked", when, nullable=True),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("same", sa.String(32), nullable=False),
        sa.Column("by", sa.String(40), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created", when, nullable=False),
        sa.Column("queued", when, nullable=False),
        sa.Column("pid", sa.Integer, nullable=True),
        sa.Column("heartbeat", when, nullable=True),
        sa.Column("started", when, nullable=True),
        sa.Column("finished", when, nullable=True),
        sa.Column("message", sa.Text, nullable=True),
        sa.Column("progress", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
    )
    op.create_index("jobs_by_state", "jobs", ["state", "queued"])
    at_work = sa.text("state IN ('queued', 'running', 'stopping')")
    op.create_index(
        *("jobs_at_work", "jobs", ["same"]),
        unique=True,
        sqlite_where=at_work,
        postgresql_where=at_work,
    )
    op.create_table(
        "job_events",
        sa.Column("job", sa.String(16), sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("created", when, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
    )
    op.create_table(
        "label_rounds",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("measurement", sa.String(16), sa.ForeignKey("measurements.id"), nullable=False),
        sa.Column("by", sa.String(40), nullable=False),
        sa.Column("created", when, nullable=False),
        sa.Column("draw", sa.JSON, nullable=False),
        sa.Column("units", sa.JSON, nullable=False),
        sa.Column("first", sa.String(40), nullable=True),
        sa.Column("second", sa.String(40), nullable=True),
        sa.Column("third", sa.String(40), nullable=True),
        sa.Column("closed", when, nullable=True),
    )
    op.create_table(
        "labels",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("round", sa.String(16), primary_key=True),
        sa.Column("unit", sa.String(16), primary_key=True),
        sa.Column("annotator", sa.String(40), primary_key=True),
        sa.Column("expressed", sa.Integer, nullable=False),
        sa.Column("valence", sa.Integer, nullable=True),
        sa.Column("detail", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created", when, nullable=False),
    )


def downgrade() -> None:
    for table in ("labels", "label_rounds", "job_events", "jobs", "tokens"):
        op.drop_table(table)
