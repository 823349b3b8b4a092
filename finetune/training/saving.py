"""State for `--resume`, saved beside the state of the Trainer."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from core.durable import write_bytes
from finetune.run_state.processes import broadcast, is_main_process
from finetune.run_state.run_folder import COMPLETION_FILE
from finetune.task import Task, score
from finetune.training.average import WeightAverage
from finetune.training.best_state import BestState, State
from finetune.training.early_stopping import EarlyStopping
from finetune.training.training_loss import TrainingLoss

SAVE_EVERY_S = 45.0
_WEIGHTS, _MEANS, _LOGITS = "best.safetensors", "means.safetensors", "logits.npz"


class StateSaving(TrainerCallback):
    """Makes the Trainer save its state every `SAVE_EVERY_S` seconds and adds the state of the other callbacks."""

    def __init__(
        self,
        task: Task,
        best_state: BestState,
        average: WeightAverage,
        loss: TrainingLoss,
        early_stopping: EarlyStopping,
    ) -> None:
        self._task, self._best_state, self._average = task, best_state, average
        self._loss, self._early_stopping = loss, early_stopping
        self._saved_at = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        is_ending = self._early_stopping.reason is not None
        if not is_ending and broadcast(time.monotonic() - self._saved_at > SAVE_EVERY_S):
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._saved_at = time.monotonic()
        if not is_main_process():
            return
        folder = Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        best_state, loss = self._best_state, self._loss
        save_file(best_state.kept.weights, folder / _WEIGHTS)
        save_file(self._average.means, folder / _MEANS)
        np.savez(folder / _LOGITS, best=best_state.kept.scored.logits, anchor=best_state.best_so_far.logits)
        # The keys, and "anchor" above, are from earlier releases, whose saved states must stay readable.
        facts = {
            "name": best_state.kept.name,
            "history": best_state.history,
            "_losses": loss.epoch_losses,
            "_smoothed": loss.smoothed,
            "_lowest": loss.lowest,
            "_steps": loss.steps,
            "steps": self._average.steps,
        }
        write_bytes(folder / COMPLETION_FILE, json.dumps(facts).encode())
        self._task.run_folder.save_time_spent()

    def load_state(self, folder: Path) -> None:
        """Restore the callbacks from a saved state."""
        facts = json.loads((folder / COMPLETION_FILE).read_text(encoding="utf-8"))
        best_state, loss = self._best_state, self._loss
        self._average.steps, self._average.means = facts["steps"], load_file(folder / _MEANS)
        loss.epoch_losses, loss.steps = facts["_losses"], facts["_steps"]
        loss.smoothed, loss.lowest = facts["_smoothed"], facts["_lowest"]
        with np.load(folder / _LOGITS, allow_pickle=False) as logits:
            kept, best_state.best_so_far = (score(logits[name], self._task) for name in ("best", "anchor"))
        best_state.kept = State(facts["name"], kept, load_file(folder / _WEIGHTS))
        best_state.history = facts["history"]
