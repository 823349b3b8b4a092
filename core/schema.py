"""Tables of the ledger after all migrations; a test compares them with a migrated database."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""SQLite numbers the rows of an integer primary key only if its type is INTEGER."""

predictions = sa.Table(
    "predictions",
    metadata,
    # The order of arrival. The database writes it: clocks are set, run ahead, and differ between replicas. Writers
    # exclude each other, so a smaller number is never committed after a greater one.
    sa.Column("number", NUMBER, sa.Identity(), primary_key=True),
    sa.Column("id", sa.String(32), nullable=False, unique=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("version", sa.String(16), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("tokens", sa.Integer, nullable=False),
    sa.Column("truncated", sa.Boolean, nullable=False),
    sa.Column("embedding", sa.LargeBinary, nullable=False),
    sa.Column("pair", sa.Text),
    sa.Column("key", sa.String(64)),
    sa.Index("ix_predictions_window", "model", "version", "number"),
    sa.Index("ix_predictions_key", "key"),
    sqlite_autoincrement=True,
)


def is_of_model(model: str) -> sa.ColumnElement[bool]:
    """Selects predictions of a model among those that another table names, each of which is found by its id.

    The expression keeps SQLite from finding them by the model, which would read all its predictions.
    """
    return predictions.c.model.concat("") == model


feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("prediction_id", sa.String(32), nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.UniqueConstraint("prediction_id", "label", "source", name="uq_feedback_once"),
    sqlite_autoincrement=True,
)

cannot_tell = sa.Table(
    "cannot_tell",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("prediction_id", sa.String(32), nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.UniqueConstraint("prediction_id", "source", name="uq_cannot_tell_once"),
)

checks = sa.Table(
    "checks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("version", sa.String(16), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("verdict", sa.JSON, nullable=False),
    sa.Column("report", sa.Text),
    sa.Column("window_end", sa.String(32)),
    sa.Column("last_number", sa.BigInteger),
    sa.Index("ix_checks_model", "model", "id"),
    sa.Index("ix_checks_version", "model", "version", "id"),
)

# The condition is a literal: SQLite uses the index for no parameter.
is_of_file = checks.c.source != sa.literal_column("'traffic'")
sa.Index("ix_checks_files", checks.c.model, checks.c.id, sqlite_where=is_of_file, postgresql_where=is_of_file)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("check_id", sa.Integer, sa.ForeignKey("checks.id")),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("decision", sa.JSON, nullable=False),
    sa.Index("ix_decisions_model", "model", "id"),
)

label_requests = sa.Table(
    "label_requests",
    metadata,
    sa.Column("prediction_id", sa.String(32), primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("check_id", sa.Integer),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("chance", sa.Float),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("group", sa.String(32)),
    sa.Index("ix_label_requests_model", "model"),
)

draws = sa.Table(
    "draws",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("version", sa.String(16), nullable=False),
    sa.Column("prediction_id", sa.String(32), nullable=False),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("chance", sa.Float, nullable=False),
    sa.Column("until_number", sa.BigInteger, nullable=False),
    sa.Column("until", sa.String(32), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.UniqueConstraint("prediction_id", name="uq_draws_once"),
    sa.Index("ix_draws_model", "model", "version"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(128)),
    sa.Column("lease_until", sa.Float),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("started_at", sa.String(32)),
    sa.Column("finished_at", sa.String(32)),
    sa.Column("progress", sa.Text),
    sa.Column("result", sa.JSON),
    sa.Column("error", sa.Text),
    sa.Column("share", sa.Float),
    sa.Column("left_s", sa.Float),
    sa.Column("cancel_requested_at", sa.String(32)),
    sa.Column("cpu_s", sa.Float),
    sa.Column("after_label", sa.BigInteger),
    sa.Column("reason", sa.Text),
    sa.Index("ix_jobs_status", "status", "id"),
)

job_log = sa.Table(
    "job_log",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job_id", sa.Integer, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("level", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("ix_job_log_job_id", "job_id", "id"),
)

promotions = sa.Table(
    "promotions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("version", sa.String(16), nullable=False),
    sa.Column("previous", sa.String(16)),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("promoted", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("gate", sa.JSON, nullable=False),
    sa.Column("after_number", sa.BigInteger),
    sa.Column("after_label", sa.BigInteger),
    sa.Column("forced", sa.Boolean),
    sa.Index("ix_promotions_model", "model", "id"),
)

label_rules = sa.Table(
    "label_rules",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("target", sa.Text),
    sa.Column("undoes", sa.Integer),
    sa.Column("by", sa.String(64), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index("ix_label_rules_model", "model", "id"),
)

doubtful_labels = sa.Table(
    "doubtful_labels",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("prediction_id", sa.String(32), nullable=False),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.UniqueConstraint("prediction_id", "label", "source", name="uq_doubtful_once"),
    sa.Index("ix_doubtful_labels_model", "model"),
)

added_rows = sa.Table(
    "added_rows",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("pair", sa.Text),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Index("ix_added_rows_model", "model", "source"),
)

standings = sa.Table(
    "standings",
    metadata,
    sa.Column("model", sa.String(64), primary_key=True),
    sa.Column("version", sa.String(16), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("accuracy", sa.JSON, nullable=False),
    sa.Column("check_s", sa.Float),
)

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("role", sa.String(16), primary_key=True),
    sa.Column("owner", sa.String(128), primary_key=True),
    sa.Column("started_at", sa.String(32), nullable=False),
    sa.Column("seen_at", sa.String(32), nullable=False),
    sa.Column("ended_at", sa.String(32)),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("event", sa.String(16), nullable=False),
    sa.Column("subject", sa.String(16), nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("begun_at", sa.String(32), nullable=False),
    sa.Column("ended_at", sa.String(32)),
    sa.Index("ix_alerts_model", "model", "event", "subject"),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("alert_id", sa.Integer, nullable=False),
    sa.Column("webhook", sa.String(64), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_s", sa.Float),
    sa.Column("sent_at", sa.String(32)),
    sa.Column("error", sa.Text),
    sa.Index("ix_deliveries_due", "due_s"),
    sa.Index("ix_deliveries_alert_id", "alert_id", "webhook"),
)

proposals = sa.Table(
    "proposals",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("version", sa.String(16), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("waiting", sa.String(16)),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("decision_id", sa.Integer),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("ended_at", sa.String(32)),
    sa.Column("ended_by", sa.String(128)),
    sa.Column("job_id", sa.Integer),
    sa.Index("ix_proposals_model", "model", "id"),
)

is_open_proposal = proposals.c.status == sa.literal_column("'open'")
sa.Index(
    "uq_proposals_open",
    proposals.c.model,
    unique=True,
    sqlite_where=is_open_proposal,
    postgresql_where=is_open_proposal,
)

loop_steps = sa.Table(
    "loop_steps",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("version", sa.String(16), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("seen_at", sa.String(32), nullable=False),
    sa.Column("did", sa.String(16), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("rule", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("until", sa.String(32)),
    sa.Column("by", sa.String(128), nullable=False),
    sa.Column("decision_id", sa.Integer),
    sa.Column("job_id", sa.Integer),
    sa.Column("after_job", sa.Integer, nullable=False),
    sa.Column("after_promotion", sa.Integer, nullable=False),
    sa.Column("after_label", sa.BigInteger, nullable=False),
    sa.Index("ix_loop_steps_model", "model", "id"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("via", sa.String(8), nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("model", sa.String(64)),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("request_id", sa.String(64)),
    sa.Index("ix_audit_model", "model", "id"),
)

repeatable = sa.Table(
    "repeatable",
    metadata,
    sa.Column("who", sa.String(128), primary_key=True),
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("request_sha256", sa.String(64), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("lease_until", sa.Float, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("body", sa.Text),
    sa.Index("ix_repeatable_created_at", "created_at"),
)

guards = sa.Table(
    "guards",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("version", sa.String(16), nullable=False),
    sa.Column("previous", sa.String(16)),
    sa.Column("since", sa.String(32), nullable=False),
    sa.Column("forced", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("after_number", sa.BigInteger, nullable=False),
    sa.Column("promise", sa.JSON, nullable=False),
    sa.Column("found", sa.JSON, nullable=False),
    sa.Column("labels", sa.Integer, nullable=False),
    sa.Column("looked_at", sa.String(32), nullable=False),
    sa.Column("watched_s", sa.Float, nullable=False),
    sa.Column("ended_at", sa.String(32)),
    sa.Column("outcome", sa.String(16)),
    sa.Column("reason", sa.Text),
    sa.UniqueConstraint("model", "since", name="uq_guards_once"),
)

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("version", sa.String(16), nullable=False),
    sa.Column("previous", sa.String(16)),
    sa.Column("guard_id", sa.Integer),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("cause", sa.String(16), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("done", sa.Text, nullable=False),
    sa.Column("after_label", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.String(32)),
    sa.Index("ix_incidents_model", "model", "id"),
)

traffic = sa.Table(
    "traffic",
    metadata,
    sa.Column("model", sa.String(64), primary_key=True),
    sa.Column("minute", sa.String(16), primary_key=True),
    sa.Column("version", sa.String(16), primary_key=True),
    sa.Column("requests", sa.Integer, nullable=False),
    sa.Column("failed_requests", sa.Integer, nullable=False),
    sa.Column("late_requests", sa.Integer, nullable=False),
    sa.Column("answered", sa.Integer, nullable=False),
    sa.Column("abstained", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("seconds", sa.JSON, nullable=False),
    sa.Index("ix_traffic_version", "model", "version", "minute"),
)

label_claims = sa.Table(
    "label_claims",
    metadata,
    sa.Column("prediction_id", sa.String(32), primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
    sa.Column("tab", sa.String(32), nullable=False),
    sa.Column("until_s", sa.Float, nullable=False),
    sa.Index("ix_label_claims_model", "model"),
)

left_to_others = sa.Table(
    "left_to_others",
    metadata,
    sa.Column("prediction_id", sa.String(32), primary_key=True),
    sa.Column("who", sa.String(64), primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Index("ix_left_to_others_model", "model", "who"),
)

label_answers = sa.Table(
    "label_answers",
    metadata,
    sa.Column("answer_id", sa.String(64), primary_key=True),
    sa.Column("prediction_id", sa.String(32), primary_key=True),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("said", sa.String(16), nullable=False),
    sa.Column("label", sa.Text),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("undone_at", sa.String(32)),
    sa.Index("ix_label_answers_prediction_id", "prediction_id"),
)
