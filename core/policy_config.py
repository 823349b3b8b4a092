"""The section `policy` of the config: how far the loop may go without a person, for all models and for one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from core.duration import seconds_of
from core.errors import InvalidDuration
from core.section import Section, listed, parsed

Mode = Literal["advise", "ask", "auto"]
ClockName = Literal["UTC", "local"]
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAY_S = 86_400.0
LONGEST_S = 366 * DAY_S
MOST_CPU_MINUTES = 1_000_000
NO_HOURS = "none"


def _duration(text: str) -> str:
    try:
        seconds = seconds_of(text)
    except InvalidDuration as error:
        raise ValueError("it is no duration such as 90m, 6h or 2d; 0s is none") from error
    if seconds > LONGEST_S:
        raise ValueError("it is longer than a year")
    return text


def _hours(text: str) -> str:
    span = minutes_of(text)
    if span is None and text != NO_HOURS:
        raise ValueError("it is no span of a day such as 22:00-06:00, nor none")
    if span is not None and span[0] == span[1]:
        raise ValueError("it begins when it ends; for no run at all set mode = advise")
    return text


def minutes_of(span: str) -> tuple[int, int] | None:
    """Begin and end in minutes since midnight; None if it is no span.

    >>> minutes_of("22:00-06:30"), minutes_of("none"), minutes_of("24:00-06:00")
    ((1320, 390), None, None)
    """
    time = r"([01]\d|2[0-3]):([0-5]\d)"
    match = re.fullmatch(f"{time}-{time}", span)
    if match is None:
        return None
    begin_h, begin_min, end_h, end_min = map(int, match.groups())
    return 60 * begin_h + begin_min, 60 * end_h + end_min


Duration = Annotated[str, AfterValidator(_duration)]
Hours = Annotated[str, AfterValidator(_hours)]
Days = Annotated[list[Day], BeforeValidator(listed)]


class ModelPolicy(Section):
    """Policy of one model; what is unset is as for all models."""

    mode: Mode | None = None
    cooldown: Duration | None = None
    cpu_minutes_per_day: float | None = Field(None, ge=0, le=MOST_CPU_MINUTES)
    clock: ClockName | None = None
    quiet_hours: Hours | None = None
    retrain_days: Days | None = None
    retrain_labels: int | None = Field(None, ge=1)
    stop_after: int | None = Field(None, ge=1, le=100)


@dataclass(frozen=True)
class Policy:
    """How far the loop may go with a model. `cpu_s_per_day`: 0 is no limit; `quiet`: minutes since midnight;
    `min_texts`: labelled texts that a try needs after one that was refused or undone.
    """

    mode: Mode = "ask"
    cooldown_s: float = 0.0
    cpu_s_per_day: float = 0.0
    clock: ClockName = "UTC"
    quiet: tuple[int, int] | None = None
    days: tuple[Day, ...] = ()
    day_labels: int = 50
    stop_after: int = 3
    min_texts: int = 10


class PolicyConfig(Section):
    mode: Mode = Field(
        "ask", description="advise: decisions only; ask: a proposal waits for a click; auto: the loop retrains itself."
    )
    cooldown: Duration = Field("6h", description="Least time between two retrains by the loop; 0s: none.")
    cpu_minutes_per_day: float = Field(
        0.0, ge=0, le=MOST_CPU_MINUTES, description="CPU minutes of a model's retrains in 24 hours; 0: no limit."
    )
    clock: ClockName = Field("UTC", description="Clock of quiet_hours and retrain_days: UTC, or local of the machine.")
    quiet_hours: Hours = Field(NO_HOURS, description="Daily span without a start by the loop, e.g. 22:00-06:00.")
    retrain_days: Days = Field(
        [], description="Weekdays, e.g. sunday, on which a retrain is due whatever the decision; none: no schedule."
    )
    retrain_labels: int = Field(50, ge=1, description="New labelled texts that a retrain of retrain_days needs.")
    stop_after: int = Field(
        3, ge=1, le=100, description="Refused or failed retrains in a row after which a person has to resume."
    )
    models: Annotated[dict[str, ModelPolicy], BeforeValidator(parsed)] = Field(
        {}, description="Tables by model, [policy.models.tickets]: the keys above, of that one."
    )

    def of(self, model: str, *, min_texts: int) -> Policy:
        own = self.models.get(model)
        given = own.model_dump(exclude_none=True) if own else {}
        merged = self.model_copy(update=given)
        return Policy(
            mode=merged.mode,
            cooldown_s=seconds_of(merged.cooldown),
            cpu_s_per_day=60 * merged.cpu_minutes_per_day,
            clock=merged.clock,
            quiet=minutes_of(merged.quiet_hours),
            days=tuple(merged.retrain_days),
            day_labels=merged.retrain_labels,
            stop_after=merged.stop_after,
            min_texts=min_texts,
        )
