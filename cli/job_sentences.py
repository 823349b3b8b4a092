"""What the commands print of a job."""

from __future__ import annotations

from core.duration import in_words
from core.job_rows import is_lost
from core.records import JobRecord
from core.share import percent


def named(job: JobRecord) -> str:
    return f"Job {job.id} ({job.kind} {job.model})"


def sentence(job: JobRecord) -> str:
    """What became of the job."""
    if job.status == "failed":
        return f"{named(job)} failed: {job.error}"
    if job.status == "queued" and job.started_at:
        return f"{named(job)} is queued again, because its worker was told to end."
    if job.retrained is not None:
        return f"{named(job)}: {outcome(job)}"
    return f"{named(job)} is {job.status}."


def detail(job: JobRecord) -> str:
    """Where a job is or how it ended, without its status; may be empty."""
    if is_lost(job):
        return "its worker died; the next worker takes it again"
    if job.status == "running":
        return stage(job) + (", to be cancelled at its next step" if job.cancel_requested_at else "")
    return job.error or outcome(job)


def stage(job: JobRecord) -> str:
    """The stage with its share and an estimate of the time left."""
    done = f" {percent(job.share, 0)}" if job.share else ""
    left = "" if job.left_s is None else f", about {in_words(job.left_s)} left"
    return f"{job.progress or 'starting'}{done}{left}"


def outcome(job: JobRecord) -> str:
    if (result := job.retrained) is None:
        return ""
    return f"version {result.version} {'promoted' if result.promoted else 'not promoted'}. {result.reason}"
