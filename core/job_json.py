"""A job as a JSON object, for commands and over HTTP."""

from __future__ import annotations

from typing import Any

from core.job_rows import is_lost
from core.records import JobRecord, RetrainResult


def job_json(job: JobRecord) -> dict[str, Any]:
    """`outcome`: None until the job is done; `reason`: why the loop started it, None if a person did."""
    return {
        "job": job.id,
        "model": job.model,
        "kind": job.kind,
        "status": job.status,
        "stage": job.progress,
        "share": job.share,
        "left_s": job.left_s,
        "worker_died": is_lost(job),
        "cancel_requested_at": job.cancel_requested_at,
        "error": job.error,
        "attempts": job.attempts,
        "cpu_s": job.cpu_s,
        "reason": job.reason,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "outcome": _outcome(job.retrained) if job.retrained else None,
    }


def _outcome(result: RetrainResult) -> dict[str, Any]:
    answer = result.verdict.answer if result.verdict else None
    return {"version": result.version, "promoted": result.promoted, "gate": answer, "reason": result.reason}
