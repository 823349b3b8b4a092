"""Evidence over windows: it is carried by the ledger, costs nothing to look at, and ends with the drift."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.accumulated import Accumulated, Alarm
from core.champion import read_champion
from core.config import DriftConfig
from core.engine import Engine
from core.features import Features
from core.home import Home
from core.records import TRAFFIC, CheckRecord
from monitoring.budget import DAY_S, MONTH_S, level_of_window, shared_part, strength
from monitoring.detector import MOST, further, threshold_s
from monitoring.watch import check_window
from tests.monitoring.conftest import MODEL, Served
from tests.words import word_examples

SETTINGS = DriftConfig()
A_DAY = datetime(2026, 3, 1, tzinfo=UTC)


def traffic(served: Served, rows: int, *, seed: int) -> Features:
    return Engine(served.registry.folder(MODEL, served.version)).features(word_examples(rows, seed=seed))


def day(number: int) -> str:
    return (A_DAY + timedelta(days=number)).isoformat(timespec="microseconds")


def checked(home: Home) -> CheckRecord:
    return check_window(home, read_champion(home.registry, MODEL)).record


def accumulated(record: CheckRecord) -> Accumulated:
    assert record.verdict.accumulated is not None
    return record.verdict.accumulated


@pytest.mark.parametrize("interval_s", [300.0, 3600.0, DAY_S])
def test_a_month_of_checks_spends_half_of_the_rate_whatever_the_schedule(interval_s: float) -> None:
    settings = DriftConfig(interval_s=interval_s)
    level = level_of_window(settings, elapsed_s=interval_s)
    assert level * MONTH_S / interval_s == pytest.approx(settings.false_alarms_per_month / 2, rel=1e-3)


def test_a_stated_alpha_is_the_level() -> None:
    assert level_of_window(DriftConfig(alpha=0.03), elapsed_s=1.0, shared=0.3) == 0.03


def test_a_small_reference_explains_more_of_a_p_value() -> None:
    small, large = (strength(1e-4, reference_rows=rows, rows=300) for rows in (200, 1500))
    assert small < large < 3.72
    levels = [level_of_window(SETTINGS, elapsed_s=None, shared=shared_part(rows, 300)) for rows in (200, 1500)]
    assert levels[0] < levels[1] < level_of_window(SETTINGS, elapsed_s=None)


def test_the_part_of_the_reference_is_that_of_p_values_of_one_reference() -> None:
    random = np.random.default_rng(0)
    n, m, dimensions = 60, 40, 50
    statistic = [
        ((reference + random.normal(size=(2, dimensions)) / np.sqrt(m)) ** 2).sum(axis=1)
        for reference in random.normal(size=(4000, 1, dimensions)) / np.sqrt(n)
    ]
    correlation = np.corrcoef(np.array(statistic).T)[0, 1]
    assert correlation == pytest.approx(shared_part(n, m) ** 2, abs=0.05)


def test_windows_of_which_none_alarms_alone_alarm_together() -> None:
    evidence: list[float] = []
    windows = 0
    while not evidence or np.mean(evidence) < threshold_s(SETTINGS):
        evidence = further(evidence, 1.0, spent_s=DAY_S, most_s=MOST * threshold_s(SETTINGS))
        windows += 1
    assert 3 < windows < 15


def test_an_alarm_ends_when_the_drift_does() -> None:
    evidence = [MOST * threshold_s(SETTINGS)] * 4
    for _ in range(12):
        evidence = further(evidence, -0.3, spent_s=300.0, most_s=MOST * threshold_s(SETTINGS))
    assert np.mean(evidence) < threshold_s(SETTINGS)


@pytest.mark.slow
def test_uniform_p_values_alarm_at_the_stated_rate() -> None:
    random, threshold, runs = np.random.default_rng(0), 40.0, []
    for _ in range(300):
        evidence, windows = [0.0], 0
        while np.mean(evidence) < threshold:
            evidence = further(evidence if windows else [], random.normal(), spent_s=1.0, most_s=1e9)
            windows += 1
        runs.append(windows)
    assert np.mean(runs) == pytest.approx(2.1 * threshold, rel=0.2)


def test_another_process_goes_on_from_the_ledger(served: Served) -> None:
    served.receive(traffic(served, 60, seed=1), at=day(1))
    first = accumulated(checked(served.home)).scales[0]
    served.receive(traffic(served, 60, seed=2), at=day(2))
    with_other = Home(served.config)
    second = accumulated(checked(with_other)).scales[0]
    with_other.close()
    assert (first.until, second.until) == (day(1), day(2))
    assert second.z is not None
    assert second.evidence == pytest.approx(
        further(first.evidence, second.z, spent_s=DAY_S, most_s=MOST * threshold_s(SETTINGS))
    )


def test_a_check_of_an_earlier_release_is_gone_on_from(served: Served) -> None:
    served.receive(traffic(served, 60, seed=1), at=day(1))
    verdict = replace(checked(served.home).verdict, accumulated=None, level=None)
    last = served.ledger.window(MODEL, served.version, limit=1)[0]
    served.ledger.record_check(MODEL, served.version, verdict, source=TRAFFIC, window_end=last.id)
    served.receive(traffic(served, 60, seed=2), at=day(2))
    record = checked(served.home)
    assert (record.verdict.rows, record.verdict.outcome) == (60, "ok")
    assert [scale.until for scale in accumulated(record).scales] == [day(2)]


@pytest.mark.parametrize(
    ("before", "is_alarm", "after"),
    [
        ("none", False, "none"),
        ("none", True, "lasts"),
        ("lasts", True, "lasts"),
        ("lasts", False, "ended"),
        ("ended", False, "ended"),
        ("ended", True, "ended"),
    ],
)
def test_what_the_reference_explains_is_taken_off_once_an_alarm_has_ended(
    served: Served, before: Alarm, is_alarm: bool, after: Alarm
) -> None:
    served.receive(traffic(served, 60, seed=1), at=day(1))
    verdict = checked(served.home).verdict
    assert verdict.level == pytest.approx(level_of_window(SETTINGS, elapsed_s=None))
    assert verdict.accumulated is not None
    verdict = replace(verdict, accumulated=replace(verdict.accumulated, alarm=before))
    last = served.ledger.window(MODEL, served.version, limit=1)[0]
    served.ledger.record_check(MODEL, served.version, verdict, source=TRAFFIC, window_end=last.id)
    window = traffic(served, 60, seed=2)
    served.receive(replace(window, length=np.full(60, 14)) if is_alarm else window, at=day(2))
    record = checked(served.home)
    reference = read_champion(served.registry, MODEL).reference.rows
    shared = shared_part(reference, 60) if before == "ended" else 0.0
    assert record.verdict.level == pytest.approx(level_of_window(SETTINGS, elapsed_s=DAY_S, shared=shared))
    assert (record.verdict.outcome == "drift", accumulated(record).alarm) == (is_alarm, after)


def test_a_new_version_has_no_evidence_yet(served: Served) -> None:
    served.receive(replace(traffic(served, 80, seed=1), length=np.full(80, 14)), at=day(1))
    assert checked(served.home).verdict.outcome == "drift"
    version = served.registry.add(served.registry.folder(MODEL, served.version), MODEL)
    served.registry.promote(MODEL, version)
    newer = Served(served.home, version)
    newer.receive(traffic(served, 60, seed=2), at=day(2))
    record = checked(served.home)
    assert (record.version, record.verdict.outcome) == (version, "ok")
    assert accumulated(record).share < 0.5


def test_a_drift_is_told_with_its_beginning(served: Served) -> None:
    for number in (1, 2):
        served.receive(traffic(served, 60, seed=number), at=day(number))
        assert checked(served.home).verdict.since is None
    other = traffic(served, 80, seed=3)
    changed = np.where(np.arange(80) % 2 == 0, 2.5, 0.0)[:, None].astype(np.float32)
    served.receive(replace(other, embeddings=other.embeddings + changed), at=day(3))
    verdict = checked(served.home).verdict
    assert verdict.outcome == "drift"
    assert verdict.since == verdict.latest == day(3)
    assert verdict.pace == "sudden"
    assert "The drift began about 4 Mar 2026" in verdict.sentence
