from __future__ import annotations

from pathlib import Path

import pytest

from core.engine import Engine
from service.answering.model import ServedVersion
from service.answering.probe import GoldenProbe, answers_as_recorded
from service.refusals import NotReady
from tests.service.conftest import Variant

WRONG = [{"text": "my invoice", "label": "bug", "scores": {"billing": 0.0, "bug": 1.0, "how_to": 0.0}}]


def test_a_package_gives_its_recorded_golden_answer(tiny_package: Path) -> None:
    assert answers_as_recorded(Engine(tiny_package, threads=1))


def test_a_champion_with_another_golden_answer_is_not_ready(variant: Variant) -> None:
    served = ServedVersion("tickets", "1", "now", Engine(variant(golden=WRONG), threads=1))
    with pytest.raises(NotReady, match="tickets@1 does not answer"):
        GoldenProbe(lambda: [served]).require()
