"""A model of 77 labels whose traffic waits for labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from core.clock import utc_now
from core.config import Config
from core.home import Home
from core.records import PredictionRecord, Wanted
from tests.tiny import make_base_model, tiny_rows, tiny_settings

THINGS = ("card", "transfer", "top_up", "cash", "account", "pin", "fee")
MATTERS = (
    *("arrival", "not_working", "pending", "declined", "charged_twice", "limit"),
    *("cancelled", "wrong_amount", "lost", "verification", "exchange_rate"),
)
LABELS = [f"{thing}_{matter}" for thing, matter in product(THINGS, MATTERS)]
WORDS = {label: [f"{label.replace('_', '')}{letter}" for letter in "abcdefgh"] for label in LABELS}
ASKED = 120


@dataclass(frozen=True)
class Waiting:
    """`truth`: the right label of each text that is asked for."""

    home: Home
    truth: dict[str, str] = field(default_factory=dict)

    def stored(self) -> dict[str, str]:
        """The label of each text that has one."""
        return {row.text: row.label for row in self.home.ledger.labelled("banking")}


def package_of(folder: Path) -> Path:
    from core.checkpoint import read_training
    from core.datasets import kept_dataset
    from export.run import export
    from export.settings import ExportSettings
    from finetune.run import finetune

    rows = tiny_rows(77 * 8, words=WORDS)
    base = make_base_model(folder / "base", [row.text for row in rows])
    trained, kept = folder / "checkpoint", folder / "datasets"
    finetune(rows, out=trained, settings=tiny_settings(base), cache=folder / "cache", datasets=kept)
    validation = kept_dataset(read_training(trained).data.validation, kept)
    export(
        trained,
        out=folder / "package",
        validation=validation,
        settings=ExportSettings(max_drop=0.005, min_agreement=0.985),
        rung="fp32",
    )
    return folder / "package"


def waiting(config: Config, package: Path) -> Waiting:
    home = Home(config)
    home.registry.promote("banking", home.registry.add(package, "banking"))
    found = Waiting(home)
    rows, records = tiny_rows(ASKED, seed=7, words=WORDS), list[PredictionRecord]()
    for number, row in enumerate(rows):
        found.truth[row.text] = str(row.label)
        vector = np.zeros(4, np.float32)
        key = f"{number:032x}"
        records.append(PredictionRecord(key, "banking", "1", utc_now(), row.text, LABELS[0], 0.5, 6, False, vector))
    home.ledger.record_predictions(records)
    home.ledger.request_labels("banking", [Wanted(record.id, "learn") for record in records], check_id=None)
    return found
