"""Judges a training run after every epoch, and remembers its best state."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune.encoder import embed
from finetune.methods.classifier import Classifier
from finetune.methods.task import Scored, Task, judged, score


class BestState(TrainerCallback):
    """Judges every epoch on the validation rows and keeps the best weights, the start's included."""

    def __init__(self, task: Task, model: Classifier, start: Scored) -> None:
        self._task, self._model = task, model
        self._keep("start", start)
        self.history: list[dict[str, Any]] = []

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._task.on_progress("Fine-tuning", state.global_step / state.max_steps)
        if self._task.left_s <= 0:
            control.should_training_stop = True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        task = self._task
        head = self._model.head
        scored = score(head.logits(embed(self._model.encoder, task.tokenizer, task.validation.inputs)), task.validation)
        self._model.train()
        epoch = round(state.epoch or 0.0, 2)
        kept = scored.beats(self.best)
        if kept:
            self._keep(f"epoch {epoch:g}", scored)
        self.history.append(judged("fine-tuning", scored, epoch=epoch, kept=kept))

    def _keep(self, name: str, scored: Scored) -> None:
        self.name, self.best = name, scored
        self._weights = {key: value.detach().clone() for key, value in self._model.state_dict().items()}

    def restore(self) -> None:
        self._model.load_state_dict(self._weights)
        self._model.eval()
