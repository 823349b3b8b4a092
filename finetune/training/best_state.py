"""Evaluation after every epoch, and selection of the best state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune.encoders.encoder import embed
from finetune.task import Scored, Task, history_entry, score
from finetune.training.average import WeightAverage
from finetune.training.classifier import Classifier
from finetune.training.training_loss import TrainingLoss

Z_WORSE = 1.64
"""A later state is rejected if it is worse by more standard errors than this: a one-sided test at the 5 % level."""


@dataclass(frozen=True)
class State:
    """Weights and their scores; `name` says which point of the training they come from, such as "epoch 3"."""

    name: str
    scored: Scored
    weights: dict[str, Tensor]


class BestState(TrainerCallback):
    """Evaluates the averaged weights on the validation rows after every epoch and selects one state.

    The latest state that is not significantly worse than the best so far is kept; the start counts as a state. Not the
    best one, because with few validation rows that is selected by chance, and because a training with a decaying
    learning rate usually improves until its end. `history` has one entry per evaluated state.
    """

    def __init__(
        self, task: Task, model: Classifier, start: Scored, average: WeightAverage, loss: TrainingLoss
    ) -> None:
        self._task, self._model, self._average, self._loss = task, model, average, loss
        self.start = self.kept = State("start", start, _copied(model))
        self.best_so_far = start
        self.history: list[dict[str, Any]] = []

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        epoch = round(state.epoch or 0.0, 2)
        with self._average.applied():
            scored = self._evaluate()
            is_kept = not scored.is_worse_than(self.best_so_far, errors=Z_WORSE)
            if is_kept:
                self.kept = State(f"epoch {epoch:g}", scored, _copied(self._model))
        if scored.beats(self.best_so_far):
            self.best_so_far = scored
        facts = {"epoch": epoch, "train_loss": self._loss.end_epoch(), "kept": is_kept}
        self.history.append(history_entry("fine-tuning", scored, **facts))

    def evaluate(self, weights: dict[str, Tensor]) -> Scored:
        """Load the weights into the model and score it on the validation rows."""
        self._model.load_state_dict(weights)
        return self._evaluate()

    def restore(self) -> None:
        """Load the kept weights into the model."""
        self._model.load_state_dict(self.kept.weights)
        self._model.eval()

    def _evaluate(self) -> Scored:
        embeddings = embed(self._model.encoder, self._task.tokenizer, self._task.validation.inputs)
        scored = score(self._model.head.logits(embeddings), self._task)
        self._model.train()
        return scored


def _copied(model: Classifier) -> dict[str, Tensor]:
    return {name: value.detach().clone().contiguous() for name, value in model.state_dict().items()}
