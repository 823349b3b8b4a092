"""What people and programs can be told about."""

from __future__ import annotations

from typing import Literal, get_args

Event = Literal[
    "drift",
    "accuracy_lost",
    "labels_asked",
    "retrain",
    "roll_back",
    "job_failed",
    "promoted",
    "refused",
    "incident",
    "test",
]
EVENTS: tuple[Event, ...] = get_args(Event)
