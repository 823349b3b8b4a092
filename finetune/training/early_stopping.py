"""Early stopping: by time, by divergence, by patience."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune.run_state.processes import broadcast
from finetune.training.best_state import BestState
from finetune.training.time_limit import TimeLimit
from finetune.training.training_loss import TrainingLoss


class EarlyStopping(TrainerCallback):
    """Stops a training at its time limit, if its loss diverges, or if no state of the last `patience` epochs was kept.

    The main process decides for all processes. `reason` is "budget", "divergence" or "patience"; None if the training
    was not stopped. `time_used` is the share of the time used at the end of the last step.
    """

    def __init__(self, time_limit: TimeLimit, loss: TrainingLoss, best_state: BestState, *, patience: int) -> None:
        self._time_limit, self._loss, self._best_state, self._patience = time_limit, loss, best_state, patience
        self.reason: str | None = None
        self.time_used = 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._time_limit.start(done_before=state.global_step / state.max_steps)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        is_diverging = self._loss.is_diverging()
        reason = "budget" if self._time_limit.is_over else "divergence" if is_diverging else None
        self.time_used, reason = broadcast((self._time_limit.used, reason))
        self._stop(reason, control)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        not_kept = takewhile(lambda entry: not entry["kept"], reversed(self._best_state.history))
        if self.reason is None and len(list(not_kept)) >= self._patience:
            self._stop("patience", control)

    def _stop(self, reason: str | None, control: TrainerControl) -> None:
        if reason is not None:
            self.reason = reason
            control.should_training_stop = True
