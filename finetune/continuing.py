"""Training that goes on from a checkpoint's encoder: a few epochs at a small rate, then weights between both ends.

Weights on the way from the earlier encoder to the trained one keep more of what the earlier one knew (WiSE-FT,
Wortsman et al. 2022, arXiv 2109.01903).
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from core.arrays import Indices, Numbers
from core.config import FinetuneConfig
from core.datasets import Text
from core.kept_checkpoints import KeptCheckpoint
from core.labels import Kind
from core.lineage import TrainingData
from core.progress import Progress
from finetune.checkpoint import write_checkpoint
from finetune.encoders.base_models import BaseModel
from finetune.encoders.encoder import Encoder, embed
from finetune.encoders.frozen import load_frozen
from finetune.head import Head
from finetune.methods.full import Full
from finetune.outcome import outcome_of, training_of
from finetune.preparation import prepare
from finetune.run_state.plans import Plans
from finetune.run_state.run_folder import RunFolder
from finetune.split import Split
from finetune.task import Fitted, Rows, score
from finetune.training.planning import prepared_copy, with_precision, within_tokens
from finetune.training.trainer import train

METHOD = "tuned"
EPOCHS, RATE = 4.0, 2e-4
"""`RATE` is that of the head; each block has 0.8 times the rate of the one above it."""


@dataclass(frozen=True)
class Taught:
    """The encoder at the end of a training."""

    encoder: Encoder
    history: list[dict[str, Any]]
    settings: dict[str, Any]
    diverged: bool


class Continuing:
    """Training and validation rows, embedded by the encoder of a kept checkpoint, which is not modified."""

    def __init__(
        self,
        kept: KeptCheckpoint,
        parts: Split,
        kind: Kind,
        *,
        settings: FinetuneConfig,
        work: Path,
        on_progress: Progress,
    ) -> None:
        """`work`: an empty folder, for what is needed during the training only."""
        self._kept, self._work = kept, work
        frozen = load_frozen(self._base, max_length=settings.max_length, cache=work)
        self.task = prepare(
            parts,
            kind,
            frozen,
            settings=settings,
            ends_at=math.inf,
            run_folder=RunFolder(work / "run", "", begun_at=time.monotonic(), is_resumed=False),
            plans=Plans(work, {}),
            on_progress=on_progress,
        )

    def teach(self, places: Indices, head: Head) -> Taught:
        """Fine-tune encoder and `head` on the training rows at these places, in which a place may be repeated."""
        task = replace(self.task, train=_rows_at(self.task.train, places), name_prefix=f"{len(places)}-rows-")
        scored = score(head.logits(task.validation.embeddings), task)
        start = Fitted(METHOD, "", task.encoder, head, scored)
        recipe = within_tokens(task, replace(with_precision(task, Full()), epochs=EPOCHS, rate=RATE))
        model = prepared_copy(task, start, Full(), recipe)
        baseline = score(scored.logits / scored.temperature, task)
        trained = train(model, task, recipe, name=f"{task.name_prefix}{METHOD}", start=baseline)
        # Not the best state: its head was trained with it, and the head is fitted anew.
        with trained.average.applied():
            encoder = copy.deepcopy(model.encoder).to("cpu").eval()
        encoder.transformer.set_attn_implementation(task.encoder.transformer.config._attn_implementation)
        return Taught(encoder, trained.best_state.history, asdict(recipe), trained.stopped_by == "divergence")

    def between(self, taught: Taught, share: float) -> Encoder:
        """An encoder whose weights are a share of the way from the kept one's to the taught one's."""
        end = taught.encoder.state_dict()
        weights = {
            name: torch.lerp(value, end[name], share) if value.is_floating_point() else value
            for name, value in self.task.encoder.state_dict().items()
        }
        encoder = copy.deepcopy(self.task.encoder)
        encoder.load_state_dict(weights)
        return encoder

    def embeddings(self, encoder: Encoder) -> tuple[Numbers, Numbers]:
        """Those of the training and of the validation rows."""
        return self._embedded(encoder, self.task.train.inputs), self._embedded(encoder, self.task.validation.inputs)

    def write(self, out: Path, fitted: Fitted, data: TrainingData) -> None:
        """Write a checkpoint to `out` atomically; its base model is the one that the kept encoder was trained from."""
        outcome, spent_s = outcome_of(fitted, self.task), self.task.run_folder.spent_s
        training = training_of(fitted, outcome, self.task, base=self._base, data=data, folds={}, seconds=spent_s)
        training = replace(training, base_model=self._kept.training.base_model)
        write_checkpoint(out, training, fitted=fitted, task=self.task)

    @property
    def _base(self) -> BaseModel:
        folder = self._kept.folder
        return BaseModel(str(folder), "", folder, self._kept.training.pooling, fingerprint=folder.name)

    def _embedded(self, encoder: Encoder, inputs: Sequence[Text]) -> Numbers:
        return embed(encoder, self.task.tokenizer, inputs)


def _rows_at(rows: Rows, places: Indices) -> Rows:
    return Rows([rows.inputs[place] for place in places], rows.truth[places], rows.embeddings[places])
