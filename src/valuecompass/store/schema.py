"""The tables of a workspace. One schema for SQLite and PostgreSQL.

Whatever costs money or time stands in `responses`, `verdicts` and `ledger`; everything else can be
made again from them. `measurements`, `answers` and `scores` are written once and never changed.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from valuecompass.store.packed import PackedJSON, PackedText

metadata = MetaData()
_AT_WORK = text("state IN ('queued', 'running', 'stopping')")

responses = Table(
    "responses",
    metadata,
    # SHA-256 of the canonical request (model, messages, parameters); with the repeat it is unique
    Column("key", String(64), primary_key=True),
    Column("repeat", Integer, primary_key=True),
    Column("model", String(512), nullable=False),
    Column("request", JSON, nullable=False),
    Column("text", PackedText, nullable=False),
    Column("stop_reason", String(32), nullable=False),
    # what the provider says it really ran: an alias may move to other weights
    Column("version", String(256), nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("usd", Float, nullable=True),
    Column("seconds", Float, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    # tools that the reply calls, and its content where that holds more than text; null: none
    Column("calls", JSON(none_as_null=True), nullable=True),
    Column("parts", JSON(none_as_null=True), nullable=True),
    Index("responses_by_model", "model"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("repeat", Integer, primary_key=True),
    # identity of the judge: hash over its kind, model, prompts and settings
    Column("judge", String(64), primary_key=True),
    # the same text may answer two items; the judge sees the item
    Column("item", String(12), primary_key=True),
    Column("body", PackedJSON, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    ForeignKeyConstraint(["key", "repeat"], ["responses.key", "responses.repeat"]),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    # the account: a hash of the plans of one command
    Column("plan", String(64), nullable=False),
    Column("key", String(64), nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("model", String(512), nullable=False),
    # reserved: sent, answer not stored (yet); it counts as spent. settled: answer stored.
    # released: the provider refused the request before doing any work.
    Column("state", String(16), nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("usd", Float, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    # a request is settled by all three; the account's sum needs the first
    Index("ledger_by_request", "plan", "key", "repeat"),
)

items = Table(
    "items",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("system", String(40), nullable=False),
    Column("body", JSON, nullable=False),
)

measurements = Table(
    "measurements",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("system", String(40), nullable=False),
    Column("manifest", JSON, nullable=False),
    # measured: form x respondents x judge; published: a table of scores that somebody published
    Column("kind", String(16), nullable=False, server_default="measured"),
    Index("measurements_by_system", "system", "created"),
)

scores = Table(
    "scores",
    metadata,
    Column("measurement", String(16), ForeignKey("measurements.id"), primary_key=True),
    # position of the respondent in the measurement: the order it was named in
    Column("position", Integer, primary_key=True),
    Column("dimension", String(80), primary_key=True),
    Column("respondent", String(1024), nullable=False),
    Column("score", Float, nullable=True),
    Column("low", Float, nullable=True),
    Column("high", Float, nullable=True),
    Column("n", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("missing", Integer, nullable=False),
    # the further scores of the system's kind (rates, within, violation metrics) with intervals
    Column("detail", JSON, nullable=False),
)

item_tables = Table(
    "item_tables",
    metadata,
    # what each item says of each respondent, once read from the answers: they never change, and a
    # board of hundreds of thousands of them must not take a minute
    Column("measurement", String(16), ForeignKey("measurements.id"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("measurement", String(16), ForeignKey("measurements.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("item", String(12), ForeignKey("items.id"), primary_key=True),
    # trade-offs are put in both orders of their sides: 0 as written, 1 swapped
    Column("presentation", Integer, primary_key=True),
    Column("repeat", Integer, primary_key=True),
    # null: the request failed for good, there is no response
    Column("key", String(64), nullable=True),
    # what the text was taken for when it was scored (answer, refusal, empty), or missing
    Column("outcome", String(16), nullable=False),
    # the choice or rating read off it, or that the judge gave no verdict
    Column("reading", JSON, nullable=True),
    ForeignKeyConstraint(["key", "repeat"], ["responses.key", "responses.repeat"]),
)

evolutions = Table(
    "evolutions",
    metadata,
    # hash over all that decides how the run goes: repeating the command takes it up again
    Column("id", String(16), primary_key=True),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("method", String(32), nullable=False),
    Column("manifest", JSON, nullable=False),
    # both null: it is under way, or was killed
    Column("finished", DateTime(timezone=True), nullable=True),
    Column("body", JSON(none_as_null=True), nullable=True),
)

evolution_events = Table(
    "evolution_events",
    metadata,
    Column("evolution", String(16), ForeignKey("evolutions.id"), primary_key=True),
    # a run that is played again tells the same events under the same numbers
    Column("number", Integer, primary_key=True),
    Column("body", JSON, nullable=False),
)

retirements = Table(
    "retirements",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("item", String(12), nullable=False, index=True),
    Column("system", String(40), nullable=False),
    # saturated, exposed, drifting, restored
    Column("reason", String(32), nullable=False),
    Column("detail", JSON, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    # the open half of a token; the other half is nowhere but in its hash
    Column("id", String(8), primary_key=True),
    Column("name", String(40), nullable=False),
    Column("hash", String(64), nullable=False),
    # operator, annotator
    Column("scope", String(16), nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("expires", DateTime(timezone=True), nullable=True),
    Column("revoked", DateTime(timezone=True), nullable=True),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(16), primary_key=True),
    # run, evolve
    Column("kind", String(16), nullable=False),
    Column("spec", JSON, nullable=False),
    # hash of the spec without its budget: two jobs of one are not at work together
    Column("same", String(32), nullable=False),
    # name of the token
    Column("by", String(40), nullable=False),
    # queued, running, stopping; done, failed, stopped, lost, budget
    Column("state", String(16), nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    # when it was put (again) into the queue, which is served in this order
    Column("queued", DateTime(timezone=True), nullable=False),
    # of the worker process; null: there is none
    Column("pid", Integer, nullable=True),
    Column("heartbeat", DateTime(timezone=True), nullable=True),
    Column("started", DateTime(timezone=True), nullable=True),
    Column("finished", DateTime(timezone=True), nullable=True),
    Column("message", Text, nullable=True),
    # how far it is, replaced with each heartbeat
    Column("progress", JSON(none_as_null=True), nullable=True),
    Column("result", JSON(none_as_null=True), nullable=True),
    Index("jobs_by_state", "state", "queued"),
    # of those that ask for the same one alone waits or is at work, however many ask at once
    Index("jobs_at_work", "same", unique=True, sqlite_where=_AT_WORK, postgresql_where=_AT_WORK),
)

job_events = Table(
    "job_events",
    metadata,
    Column("job", String(16), ForeignKey("jobs.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("body", JSON, nullable=False),
)

label_rounds = Table(
    "label_rounds",
    metadata,
    # the hash of its units, in any order
    Column("id", String(16), primary_key=True),
    Column("measurement", String(16), ForeignKey("measurements.id"), nullable=False),
    # name of the token
    Column("by", String(40), nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    # n and seed asked for, and what the draw found
    Column("draw", JSON, nullable=False),
    # rows of the units: nothing of who answered, nothing of a verdict
    Column("units", JSON, nullable=False),
    # the pair, and who decides where they differ; each takes the place with the first label
    Column("first", String(40), nullable=True),
    Column("second", String(40), nullable=True),
    Column("third", String(40), nullable=True),
    # from here on the pair gives no more labels
    Column("closed", DateTime(timezone=True), nullable=True),
)

labels = Table(
    "labels",
    metadata,
    # label (of the pair), decision (of the third), report (of a reader: a verdict is wrong)
    Column("kind", String(16), primary_key=True),
    # of a report the measurement
    Column("round", String(16), primary_key=True),
    Column("unit", String(16), primary_key=True),
    # name of the token
    Column("annotator", String(40), primary_key=True),
    Column("expressed", Integer, nullable=False),
    Column("valence", Integer, nullable=True),
    # of a report: the unit's row, the case, the verdict and a comment
    Column("detail", JSON(none_as_null=True), nullable=True),
    Column("created", DateTime(timezone=True), nullable=False),
)
