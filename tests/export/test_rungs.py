"""The choice of the rung, and the report of each."""

from __future__ import annotations

import pytest

from core.errors import RungNotBuilt
from export.ladder import RUNGS
from export.rungs import RANK, RungReport, choose, report
from export.speed import Speed
from tests.export.candidates import candidate

SPEED = Speed(texts_per_s=100.0, latency_ms_median=5.0, latency_ms_p95=9.0, startup_s=0.5, resident_mb=120.0)


def rung(name: str, *, speed: float, eligible: bool = True) -> RungReport:
    return RungReport(name, eligible, "", 0.9, 1.0, speed, 1.0, 5.0, 9.0, 0.5, None)


def test_every_rung_has_a_rank() -> None:
    assert sorted(RANK) == sorted(RUNGS)


@pytest.mark.parametrize("speed", [10, 90, 200])
def test_the_first_eligible_rung_is_chosen_whatever_its_measured_speed(speed: float) -> None:
    fast = [rung("fp32", speed=100), rung("int8-blockwise", speed=150), rung("int8-static", speed=speed)]
    assert choose(fast, {}).name == "int8-static"
    refused = [rung("fp32", speed=100), rung("int8-static", speed=speed, eligible=False)]
    assert choose(refused, {}).name == "fp32"


def test_a_processor_without_products_of_bytes_gets_full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.rungs.multiplies_bytes", lambda: False)
    reports = [rung("fp32", speed=100), rung("int8-static", speed=200)]
    assert choose(reports, {}).name == "fp32"
    assert choose(reports, {}, wanted="int8-static").name == "int8-static"


def test_the_wanted_rung_is_chosen_even_if_it_is_not_eligible() -> None:
    reports = [rung("fp32", speed=100), rung("int8-static", speed=200, eligible=False)]
    assert choose(reports, {}, wanted="int8-static").name == "int8-static"


def test_a_rung_that_was_not_built_cannot_be_chosen() -> None:
    reports, not_built = [rung("fp32", speed=100)], {"cuda-fp16": "There is no GPU."}
    assert choose(reports, not_built).name == "fp32"
    with pytest.raises(RungNotBuilt, match="'cuda-fp16' was not built: There is no GPU"):
        choose(reports, not_built, wanted="cuda-fp16")


def test_full_precision_is_eligible_with_few_rows() -> None:
    full = candidate("fp32", rows=3, wrong=1)
    assert report(full, full, SPEED, None).eligible
    assert not report(candidate("int8", rows=3, wrong=1), full, SPEED, "Too few rows.").eligible


def test_report_of_an_eligible_rung_names_the_changed_labels() -> None:
    found = report(candidate("int8", lost=3), candidate("fp32"), SPEED, None)
    assert found.why == "It changes 3 of 1000 labels, the same in any batch."
    assert (found.texts_per_s, found.latency_ms_p95, found.resident_mb) == (100.0, 9.0, 120.0)
