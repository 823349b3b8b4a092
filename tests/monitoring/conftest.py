"""A registered model that classifies by one word, with its registry and its ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.clock import sortable_id, utc_now
from core.config import Config
from core.features import Features
from core.home import Home
from core.ledger import Ledger
from core.records import PredictionRecord
from core.registry import Registry
from tests.monitoring import rows
from tests.words import word_package

MODEL = "tickets"


@dataclass(frozen=True)
class Served:
    """A champion with its home; `receive` records predictions as the service does."""

    home: Home
    version: str

    @property
    def config(self) -> Config:
        return self.home.config

    @property
    def registry(self) -> Registry:
        return self.home.registry

    @property
    def ledger(self) -> Ledger:
        return self.home.ledger

    def receive(self, features: Features, *, text: str | None = None, at: str | None = None) -> list[str]:
        """Every row has a text of its own, or all have the same `text`; `at`: their time, now by default."""
        keys = [sortable_id() for _ in range(features.rows)]
        records = [
            PredictionRecord(
                id=keys[row],
                model=MODEL,
                version=self.version,
                created_at=at or utc_now(),
                text=f"text {keys[row]}" if text is None else text,
                label=rows.LABELS[features.predicted[row]],
                score=float(features.confidence[row]),
                tokens=int(features.length[row]),
                truncated=False,
                embedding=features.embeddings[row],
            )
            for row in range(features.rows)
        ]
        self.ledger.record_predictions(records)
        return [record.id for record in records]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    home = Home(Config(home=tmp_path / "home"))
    version = home.registry.add(word_package(tmp_path / "package"), MODEL)
    home.registry.promote(MODEL, version)
    yield Served(home, version)
    home.close()
