"""Judges a training after every epoch, and remembers its best state."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from core.durable import write_bytes
from finetune.encoder import embed
from finetune.methods.task import Scored, Task, judged, score
from finetune.training.classifier import Classifier
from finetune.training.processes import agreed, is_first
from finetune.training.work import COMPLETE

DIVERGED = 3.0
"""A smoothed training loss this many times its lowest is no noise: the rate is too high."""

SAVE_EVERY_S = 45.0
INTERPOLATIONS = (0.75, 0.5, 0.25)
_SMOOTHING = 0.95
_LOSS_FLOOR = 0.3  # nats: below, a head that knows the training rows by heart would look as if it diverged
_WEIGHTS = "best.safetensors"


class BestState(TrainerCallback):
    """Judges every epoch on the validation rows and keeps the best weights, the start's included."""

    def __init__(self, task: Task, model: Classifier, start: Scored, *, patience: int) -> None:
        self._task, self._model, self._patience = task, model, patience
        self.name, self.best = "start", start
        self._start = self._weights = _copied(model)
        self.history: list[dict[str, Any]] = []
        self.ended_by: str | None = None
        self._without_better = 0
        self._losses: list[float] = []
        self._smoothed, self._lowest, self._steps = 0.0, math.inf, 0
        self._saved_at = time.monotonic()

    def hear_loss(self, loss: float) -> None:
        """The training loss of one forward pass, in nats."""
        self._losses.append(loss)
        self._steps += 1
        self._smoothed = _SMOOTHING * self._smoothed + (1 - _SMOOTHING) * loss

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._task.on_progress("Fine-tuning", state.global_step / state.max_steps)
        if agreed(self._task.left_s <= 0):
            self._end("budget", control)
        elif agreed(self._is_diverging()):
            self._end("divergence", control)
        elif agreed(time.monotonic() - self._saved_at > SAVE_EVERY_S):
            control.should_save = True

    def _is_diverging(self) -> bool:
        if not math.isfinite(self._losses[-1] if self._losses else 0.0):
            return True
        # Corrected for having started from zero (as Adam corrects its moments).
        smoothed = max(self._smoothed / (1 - _SMOOTHING**self._steps), _LOSS_FLOOR) if self._steps else _LOSS_FLOOR
        self._lowest = min(self._lowest, smoothed)
        return smoothed > DIVERGED * self._lowest

    def _end(self, why: str, control: TrainerControl) -> None:
        self.ended_by = why
        control.should_training_stop = True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        scored = self._judge()
        epoch = round(state.epoch or 0.0, 2)
        kept = scored.beats(self.best)
        if kept:
            self.name, self.best, self._weights = f"epoch {epoch:g}", scored, _copied(self._model)
        self._without_better = 0 if kept else self._without_better + 1
        losses, self._losses = self._losses, []
        train_loss = round(float(np.mean(losses)), 5) if losses else None
        self.history.append(judged("fine-tuning", scored, epoch=epoch, train_loss=train_loss, kept=kept))
        if self._without_better >= self._patience and self.ended_by is None:
            self._end("patience", control)

    def _judge(self) -> Scored:
        task = self._task
        embeddings = embed(self._model.encoder, task.tokenizer, task.validation.inputs)
        scored = score(self._model.head.logits(embeddings), task)
        self._model.train()
        return scored

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Complete the state that the trainer has just saved."""
        self._saved_at = time.monotonic()
        if not is_first():
            return
        folder = Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        save_file(self._weights, folder / _WEIGHTS)
        np.save(folder / "best.npy", self.best.logits)
        facts = {name: getattr(self, name) for name in _REMEMBERED}
        write_bytes(folder / COMPLETE, json.dumps(facts).encode())
        self._task.work.note()

    def recall(self, folder: Path) -> None:
        """Be as when `folder` was saved."""
        for name, value in json.loads((folder / COMPLETE).read_text(encoding="utf-8")).items():
            setattr(self, name, value)
        self._weights = load_file(folder / _WEIGHTS)
        self.best = score(np.load(folder / "best.npy"), self._task)

    def interpolate(self) -> None:
        """Judge states between the start and the best one, and keep a better one.

        Weights half-way often answer better than either end, most of all rows of another kind than those
        trained on (Wortsman et al. 2022, arXiv 2109.01903).
        """
        if self.name == "start":
            return
        end, name = self._weights, self.name
        for share in INTERPOLATIONS:
            mixed = {key: _between(self._start[key], value, share) for key, value in end.items()}
            self._model.load_state_dict(mixed)
            scored = self._judge()
            kept = scored.beats(self.best)
            if kept:
                self.name, self.best, self._weights = f"{share:.0%} of the way to {name}", scored, mixed
            self.history.append(judged("interpolation", scored, share=share, kept=kept))

    def restore(self) -> None:
        """Put the best weights back into the model."""
        self._model.load_state_dict(self._weights)
        self._model.eval()


_REMEMBERED = ("name", "history", "_without_better", "_losses", "_smoothed", "_lowest", "_steps")


def _between(start: Tensor, end: Tensor, share: float) -> Tensor:
    return torch.lerp(start, end, share) if start.is_floating_point() else end


def _copied(model: Classifier) -> dict[str, Tensor]:
    return {name: value.detach().clone().contiguous() for name, value in model.state_dict().items()}
