"""The ledger's tables as the newest migration leaves them; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

predictions = Table(
    "predictions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("model", String(64), nullable=False),
    Column("version", String(16), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("score", Float, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("truncated", Boolean, nullable=False),
    Column("embedding", LargeBinary, nullable=False),
    Column("pair", Text),
    Column("key", String(64)),
    Index("ix_predictions_window", "model", "version", "id"),
    Index("ix_predictions_key", "key"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("prediction_id", String(32), nullable=False),
    Column("label", Text, nullable=False),
    Column("source", String(64), nullable=False),
    Column("created_at", String(32), nullable=False),
    UniqueConstraint("prediction_id", "label", "source", name="uq_feedback_once"),
)

checks = Table(
    "checks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model", String(64), nullable=False),
    Column("version", String(16), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("source", Text, nullable=False),
    Column("verdict", JSON, nullable=False),
    Column("report", Text),
    Column("window_end", String(32)),
    Index("ix_checks_model", "model", "id"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model", String(64), nullable=False),
    Column("check_id", Integer, ForeignKey("checks.id")),
    Column("created_at", String(32), nullable=False),
    Column("decision", JSON, nullable=False),
    Index("ix_decisions_model", "model", "id"),
)

label_requests = Table(
    "label_requests",
    metadata,
    Column("prediction_id", String(32), primary_key=True),
    Column("model", String(64), nullable=False),
    Column("check_id", Integer),
    Column("rank", Integer, nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("created_at", String(32), nullable=False),
    Index("ix_label_requests_model", "model"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("owner", String(128)),
    Column("lease_until", Float),
    Column("created_at", String(32), nullable=False),
    Column("started_at", String(32)),
    Column("finished_at", String(32)),
    Column("progress", Text),
    Column("result", JSON),
    Column("error", Text),
    Index("ix_jobs_status", "status", "id"),
)

promotions = Table(
    "promotions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model", String(64), nullable=False),
    Column("version", String(16), nullable=False),
    Column("previous", String(16)),
    Column("created_at", String(32), nullable=False),
    Column("promoted", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("gate", JSON, nullable=False),
    Index("ix_promotions_model", "model", "id"),
)
