"""A policy in sentences."""

from __future__ import annotations

from core.duration import in_words
from core.policy_config import Mode, Policy

MODES: dict[Mode, str] = {
    "advise": "The loop decides and tells; it starts nothing.",
    "ask": "The loop proposes; a person accepts.",
    "auto": "The loop retrains and rolls back by itself.",
}


def policy_words(policy: Policy) -> list[str]:
    """
    >>> policy_words(Policy(mode="auto", cooldown_s=3600, quiet=(1320, 360)))[:3]
    ['The loop retrains and rolls back by itself.', 'At least 1 h 0 min lie between two retrains.', \
'It starts no retrain from 22:00 to 06:00 (UTC).']
    """
    clock = policy.clock if policy.clock == "UTC" else "the machine's clock"
    lines = [MODES[policy.mode]]
    if policy.cooldown_s:
        lines.append(f"At least {in_words(policy.cooldown_s)} lie between two retrains.")
    if policy.quiet:
        begin, end = map(_time, policy.quiet)
        lines.append(f"It starts no retrain from {begin} to {end} ({clock}).")
    if policy.cpu_s_per_day:
        lines.append(f"Retrains take at most {in_words(policy.cpu_s_per_day)} of CPU time in 24 hours.")
    if policy.days:
        days = ", ".join(day.capitalize() for day in policy.days)
        lines.append(f"On {days} ({clock}) a retrain is due after {policy.day_labels} newly labelled texts.")
    lines.append(f"After {policy.stop_after} refused or failed retrains in a row it waits for a person.")
    lines.append(f"A retrain or a roll back rests on at least {policy.min_texts} labelled texts.")
    return lines


def _time(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
