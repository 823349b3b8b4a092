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
from finetune.encoders.encoder import embed
from finetune.run_state.processes import broadcast, is_main_process
from finetune.run_state.run_folder import COMPLETE
from finetune.task import Scored, Task, judged, score
from finetune.training.average import Average
from finetune.training.classifier import Classifier

DIVERGED = 3.0
"""A smoothed training loss this many times its lowest is no noise: the rate is too high."""

CLEARLY = 1.64
"""Standard errors by which a later state must be worse to be left: a one-sided test at the level of 5 %."""

SAVE_EVERY_S = 45.0
HALF_WAY, OTHER_SHARES = 0.5, (0.75, 0.25)
_SMOOTHING = 0.95
_LOSS_FLOOR = 0.3  # nats: below, a head that knows the training rows by heart would look as if it diverged
_WEIGHTS, _MEANS, _LOGITS = "best.safetensors", "means.safetensors", "logits.npz"


class BestState(TrainerCallback):
    """Judges the mean of the weights after every epoch on the validation rows, and keeps one, the start's included.

    The training ends `reserve_s` seconds before the time is up: what comes after it takes time, too.
    Kept is the latest that is not worse than the best so far, beyond chance. Of few validation rows the best of
    many states would be the luckiest, while a training on a falling rate gains to its end more often than not.
    """

    def __init__(self, task: Task, model: Classifier, start: Scored, *, patience: int, reserve_s: float = 0.0) -> None:
        self._task, self._model, self._patience, self._reserve_s = task, model, patience, reserve_s
        self.name, self.best, self._anchor = "start", start, start
        self._start = self._weights = _copied(model)
        self._average = Average(model)
        self.history: list[dict[str, Any]] = []
        self.ended_by: str | None = None
        self._without_better = 0
        self._losses: list[float] = []
        self._smoothed, self._lowest, self._steps = 0.0, math.inf, 0
        self._saved_at = time.monotonic()
        self.time_share = 0.0
        self._had_s, self._begun_at = math.inf, 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._had_s = self._task.left_s - self._reserve_s
        self._begun_at = state.global_step / state.max_steps

    def hear_loss(self, loss: float) -> None:
        """The training loss of one forward pass, in nats."""
        self._losses.append(loss)
        self._steps += 1
        self._smoothed = _SMOOTHING * self._smoothed + (1 - _SMOOTHING) * loss

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._task.on_progress("Fine-tuning", state.global_step / state.max_steps)
        self._average.follow()
        self.time_share, ends_by, is_to_save = broadcast(self._verdict())
        if ends_by is not None:
            self._end(ends_by, control)
        elif is_to_save:
            control.should_save = True

    def _verdict(self) -> tuple[float, str | None, bool]:
        """Part of the time that is over, what ends the training here, and whether its state is to be saved."""
        is_diverging = self._is_diverging()
        ends_by = "budget" if self._task.left_s <= self._reserve_s else "divergence" if is_diverging else None
        return self._share_of_time(), ends_by, time.monotonic() - self._saved_at > SAVE_EVERY_S

    def _share_of_time(self) -> float:
        """Part of the time that is over; what a resumed training did before counts as its steps."""
        left = (self._task.left_s - self._reserve_s) / max(self._had_s, 1e-9)
        return self._begun_at + (1 - self._begun_at) * (1 - min(1.0, max(0.0, left)))

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
        epoch = round(state.epoch or 0.0, 2)
        with self._average.in_place():
            scored = self._judge()
            kept = not scored.is_worse_than(self._anchor, errors=CLEARLY)
            if kept:
                self.name, self.best, self._weights = f"epoch {epoch:g}", scored, _copied(self._model)
        if scored.beats(self._anchor):
            self._anchor = scored
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
        if not is_main_process():
            return
        folder = Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        save_file(self._weights, folder / _WEIGHTS)
        save_file(self._average.means, folder / _MEANS)
        np.savez(folder / _LOGITS, best=self.best.logits, anchor=self._anchor.logits)
        facts = {name: getattr(self, name) for name in _REMEMBERED} | {"steps": self._average.steps}
        write_bytes(folder / COMPLETE, json.dumps(facts).encode())
        self._task.run_folder.note_time()

    def recall(self, folder: Path) -> None:
        """Be as when `folder` was saved."""
        facts = json.loads((folder / COMPLETE).read_text(encoding="utf-8"))
        self._average.steps = facts.pop("steps")
        self._average.means = load_file(folder / _MEANS)
        for name, value in facts.items():
            setattr(self, name, value)
        self._weights = load_file(folder / _WEIGHTS)
        with np.load(folder / _LOGITS, allow_pickle=False) as logits:
            self.best, self._anchor = (score(logits[name], self._task) for name in ("best", "anchor"))

    def interpolate(self) -> None:
        """Judge states between the start and the best one: half-way is kept unless it is clearly worse, another
        share of the way only where it is clearly better.

        Weights half-way often answer better than either end, most of all rows of another kind than those
        trained on (Wortsman et al. 2022, arXiv 2109.01903). That is believed until the validation rows show
        otherwise; which of several shares is best they are too few to tell.
        """
        if self.name == "start":
            return
        end, name = self._weights, self.name
        for share in (HALF_WAY, *OTHER_SHARES):
            mixed = {key: _between(self._start[key], value, share) for key, value in end.items()}
            self._model.load_state_dict(mixed)
            scored = self._judge()
            if share == HALF_WAY:
                kept = not scored.is_worse_than(self.best, errors=CLEARLY)
            else:
                kept = self.best.is_worse_than(scored, errors=CLEARLY)
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
