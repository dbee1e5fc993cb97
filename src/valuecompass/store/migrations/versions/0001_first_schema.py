"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "responses",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("repeat", sa.Integer, primary_key=True),
        sa.Column("model", sa.String(512), nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("stop_reason", sa.String(32), nullable=False),
        sa.Column("version", sa.String(256), nullable=False),
        sa.Column("input_tokens", sa.Integer, nullable=False),
        sa.Column("output_tokens", sa.Integer, nullable=False),
        sa.Column("usd", sa.Float, nullable=True),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("responses_by_model", "responses", ["model"])
    op.create_table(
        "verdicts",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("repeat", sa.Integer, primary_key=True),
        sa.Column("judge", sa.String(64), primary_key=True),
        sa.Column("item", sa.String(12), primary_key=True),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["key", "repeat"], ["responses.key", "responses.repeat"]),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("repeat", sa.Integer, nullable=False),
        sa.Column("model", sa.String(512), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tokens", sa.Integer, nullable=False),
        sa.Column("usd", sa.Float, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ledger_by_request", "ledger", ["plan", "key", "repeat"])
    op.create_table(
        "items",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("system", sa.String(40), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
    )
    op.create_table(
        "measurements",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("system", sa.String(40), nullable=False),
        sa.Column("manifest", sa.JSON, nullable=False),
    )
    op.create_table(
        "scores",
        sa.Column("measurement", sa.String(16), sa.ForeignKey("measurements.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("dimension", sa.String(80), primary_key=True),
        sa.Column("respondent", sa.String(1024), nullable=False),
        sa.Column("score", sa.Float, nullable=True),
        sa.Column("low", sa.Float, nullable=True),
        sa.Column("high", sa.Float, nullable=True),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("refused", sa.Integer, nullable=False),
        sa.Column("missing", sa.Integer, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
    )
    op.create_table(
        "answers",
        sa.Column("measurement", sa.String(16), sa.ForeignKey("measurements.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("item", sa.String(12), sa.ForeignKey("items.id"), primary_key=True),
        sa.Column("presentation", sa.Integer, primary_key=True),
        sa.Column("repeat", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(64), nullable=True),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reading", sa.JSON, nullable=True),
        sa.ForeignKeyConstraint(["key", "repeat"], ["responses.key", "responses.repeat"]),
    )


def downgrade() -> None:
    for table in (
        "answers",
        "scores",
        "measurements",
        "items",
        "ledger",
        "verdicts",
        "responses",
    ):
        op.drop_table(table)
