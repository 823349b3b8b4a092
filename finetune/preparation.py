"""Making a task from examples: frozen embeddings and label indices."""

from __future__ import annotations

from collections.abc import Sequence

from core.arrays import Numbers
from core.config import FinetuneConfig
from core.datasets import Example, Text
from core.features import truth_matrix, truth_of
from core.labels import Kind
from core.progress import Progress
from finetune.encoders.frozen import FrozenEncoder
from finetune.run_state.plans import Plans
from finetune.run_state.processes import is_main_process, wait_for_all
from finetune.run_state.run_folder import RunFolder
from finetune.split import Split, labels_of
from finetune.task import Rows, Task


def prepare(
    parts: Split,
    kind: Kind,
    frozen: FrozenEncoder,
    *,
    settings: FinetuneConfig,
    ends_at: float,
    run_folder: RunFolder,
    plans: Plans,
    on_progress: Progress,
) -> Task:
    """The task of a split."""
    labels = labels_of(parts.train, kind)
    train, validation = embedded_rows(parts, labels, kind, frozen, on_progress=on_progress)
    return Task(
        kind=kind,
        labels=labels,
        train=train,
        validation=validation,
        encoder=frozen.encoder,
        tokenizer=frozen.tokenizer,
        settings=settings,
        ends_at=ends_at,
        run_folder=run_folder,
        plans=plans,
        on_progress=on_progress,
    )


def embedded_rows(
    parts: Split, labels: Sequence[str], kind: Kind, frozen: FrozenEncoder, *, on_progress: Progress
) -> tuple[Rows, Rows]:
    """Training and validation rows with their frozen embeddings."""
    inputs = [example.input for example in (*parts.train, *parts.validation)]
    embeddings = _embedded(frozen, inputs, on_progress)
    train_count = len(parts.train)
    return (
        _rows(parts.train, labels, kind, embeddings[:train_count]),
        _rows(parts.validation, labels, kind, embeddings[train_count:]),
    )


def _rows(examples: Sequence[Example], labels: Sequence[str], kind: Kind, embeddings: Numbers) -> Rows:
    truth = truth_matrix(examples, labels) if kind == "multi-label" else truth_of(examples, labels)
    return Rows([example.input for example in examples], truth, embeddings)


def _embedded(frozen: FrozenEncoder, inputs: Sequence[Text], on_progress: Progress) -> Numbers:
    """The main process computes the embeddings; the others read them from the cache."""
    if not is_main_process():
        wait_for_all()
        return frozen.embeddings(inputs)
    embeddings = frozen.embeddings(inputs, on_progress=on_progress)
    wait_for_all()
    return embeddings
