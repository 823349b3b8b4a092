"""Which rung is packed, and what is said of each."""

from __future__ import annotations

import pytest

from core.errors import RungNotBuilt
from export.rungs import RungReport, choose, report
from export.speed import Speed
from tests.export.candidates import candidate

SPEED = Speed(texts_per_s=100.0, latency_ms_median=5.0, latency_ms_p95=9.0, startup_s=0.5, resident_mb=120.0)


def rung(name: str, *, speed: float, eligible: bool = True) -> RungReport:
    return RungReport(name, eligible, "", 0.9, 1.0, speed, 1.0, 5.0, 9.0, 0.5, None)


def test_the_fastest_eligible_rung_is_chosen() -> None:
    assert choose([rung("fp32", speed=100), rung("int8-static", speed=200)], {}).name == "int8-static"
    assert choose([rung("fp32", speed=100), rung("int8-static", speed=200, eligible=False)], {}).name == "fp32"


def test_a_rung_hardly_faster_than_fp32_is_not_worth_it() -> None:
    assert choose([rung("fp32", speed=100), rung("int8-static", speed=105)], {}).name == "fp32"


def test_a_rung_asked_for_is_chosen_even_if_it_is_not_eligible() -> None:
    reports = [rung("fp32", speed=100), rung("int8-static", speed=200, eligible=False)]
    assert choose(reports, {}, wanted="int8-static").name == "int8-static"


def test_a_rung_that_was_not_built_can_be_neither_chosen_nor_asked_for() -> None:
    reports, not_built = [rung("fp32", speed=100)], {"cuda-fp16": "There is no GPU."}
    assert choose(reports, not_built).name == "fp32"
    with pytest.raises(RungNotBuilt, match="'cuda-fp16' was not built: There is no GPU"):
        choose(reports, not_built, wanted="cuda-fp16")


def test_full_precision_is_eligible_however_few_rows_there_are() -> None:
    full = candidate("fp32", rows=3, wrong=1)
    assert report(full, full, SPEED, None).eligible
    assert not report(candidate("int8", rows=3, wrong=1), full, SPEED, "Too few rows.").eligible


def test_what_a_rung_keeps_is_said() -> None:
    judged = report(candidate("int8", lost=3), candidate("fp32"), SPEED, None)
    assert judged.why == "It changes 3 of 1000 labels, in any batch alike."
    assert (judged.texts_per_s, judged.latency_ms_p95, judged.resident_mb) == (100.0, 9.0, 120.0)
