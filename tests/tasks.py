"""Checkpoints of the other tasks, multi-label and text pairs; the heads are fitted on a random base model."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.checkpoint import HEAD, SAMPLE, Training, write_training
from core.datasets import Example, keep_dataset, kept_dataset
from core.labels import Kind, cell_of, names_in
from core.lineage import TrainingData
from tests.tiny import FILLER, WORDS, make_base_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LABELS = sorted(WORDS)


@dataclass(frozen=True)
class TaskFiles:
    """A checkpoint, the folder of its data sets, and its package in full precision."""

    checkpoint: Path
    datasets: Path
    package: Path
    validation: list[Example]


def multi_label_rows(rows: int, *, seed: int = 0) -> list[Example]:
    """Distinct texts with zero to three labels; every label has its own words."""
    chance = random.Random(seed)
    found: dict[str, Example] = {}
    while len(found) < rows:
        names = chance.sample(LABELS, chance.choice([0, 1, 1, 2, 2, 3]))
        words = [word for name in names for word in chance.sample(WORDS[name], 2)]
        words += chance.sample(FILLER, chance.randint(2, 4))
        text = " ".join(chance.sample(words, len(words)))
        found.setdefault(text, Example(text, cell_of(names)))
    return list(found.values())


def paired_rows(rows: int, *, seed: int = 0) -> list[Example]:
    """Distinct pairs; the label is the topic of the second text."""
    chance = random.Random(seed)
    found: dict[str, Example] = {}
    while len(found) < rows:
        first, second = chance.choice(LABELS), chance.choice(LABELS)
        texts = [" ".join(chance.sample(WORDS[name], 2) + chance.sample(FILLER, 2)) for name in (first, second)]
        row = Example(texts[0], second, texts[1])
        found.setdefault(row.key, row)
    return list(found.values())


def make_task_base_model(folder: Path) -> Path:
    """As `make_base_model`, with larger token type embeddings, so that a head can use which text comes second."""
    from transformers import AutoModel

    make_base_model(folder, [" ".join([*FILLER, *(word for words in WORDS.values() for word in words)])])
    model = AutoModel.from_pretrained(folder)
    # Copied, because the loaded weights are mapped from the file that is overwritten below.
    model.load_state_dict({name: value.clone() for name, value in model.state_dict().items()}, assign=True)
    model.embeddings.token_type_embeddings.weight.data.mul_(6)
    model.save_pretrained(folder)
    return folder


def make_task(folder: Path, base_model: Path, rows: Sequence[Example], **facts: Any) -> TaskFiles:
    from core.checkpoint import read_training
    from export.run import export
    from export.settings import ExportSettings

    datasets = folder / "datasets"
    checkpoint = make_checkpoint(folder / "checkpoint", base_model, rows, datasets=datasets, **facts)
    validation = kept_dataset(read_training(checkpoint).data.validation, datasets)
    settings = ExportSettings(max_drop=0.005, min_agreement=0.985)
    export(checkpoint, out=folder / "package", validation=validation, settings=settings, rung="fp32")
    return TaskFiles(checkpoint, datasets, folder / "package", validation)


def make_checkpoint(
    folder: Path,
    base_model: Path,
    rows: Sequence[Example],
    *,
    datasets: Path,
    kind: Kind = "single-label",
    validation_rows: int = 60,
    **facts: Any,
) -> Path:
    """A checkpoint with a head fitted on all but the last `validation_rows`; all rows are stored in `datasets`."""
    train, validation = rows[:-validation_rows], rows[-validation_rows:]
    labels = sorted({name for row in train for name in _names(row, kind)})
    _save_encoder(folder, base_model)
    (folder / SAMPLE).write_text("".join(json.dumps(_sample(row)) + "\n" for row in train[:128]), encoding="utf-8")
    training = Training(
        labels=labels,
        method="features",
        reason="Fitted by hand.",
        pooling="mean",
        max_length=32,
        temperature=1.0,
        seed=0,
        base_model={"name": "tiny", "revision": "", "fingerprint": "tiny"},
        data=TrainingData(
            keep_dataset(train, datasets), keep_dataset(validation, datasets), len(train), len(validation)
        ),
        settings={},
        metrics={},
        history=[],
        versions={},
        seconds=0.0,
        kind=kind,
        is_paired=train[0].pair is not None,
        **facts,
    )
    _save_head(folder, [[0.0] * _width(folder)] * len(labels), [0.0] * len(labels))
    write_training(folder, training)
    weight, bias = _fitted(_embeddings(folder, train), train, labels, kind)
    _save_head(folder, weight, bias)
    write_training(folder, training)
    return folder


def _names(row: Example, kind: Kind) -> tuple[str, ...]:
    return names_in(row.label or "") if kind == "multi-label" else (str(row.label),)


def _sample(row: Example) -> dict[str, str]:
    return {"text": row.text} if row.pair is None else {"text": row.text, "pair": row.pair}


def _save_encoder(folder: Path, base_model: Path) -> None:
    from transformers import AutoModel

    from finetune.encoders.encoder import load_tokenizer

    AutoModel.from_pretrained(base_model).save_pretrained(folder)
    # Loaded as in fine-tuning; the class of a model family would add its own tokens.
    load_tokenizer("tiny", base_model, 32).tokenizer.save_pretrained(folder)


def _width(folder: Path) -> int:
    from transformers import AutoConfig

    return int(AutoConfig.from_pretrained(folder).hidden_size)


def _save_head(folder: Path, weight: Any, bias: Any) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    # safetensors writes the memory as it is, and arrays of scikit-learn may be in column order.
    arrays = {"weight": np.ascontiguousarray(weight, np.float32), "bias": np.ascontiguousarray(bias, np.float32)}
    save_file(arrays, folder / HEAD)


def _embeddings(folder: Path, rows: Sequence[Example]) -> NDArray[np.float32]:
    """Computed by transformers and torch row by row, independent of our engine apart from the pooling."""
    import numpy as np
    import torch
    from transformers import AutoTokenizer

    from export.model import read_source

    model, tokenizer = read_source(folder).model, AutoTokenizer.from_pretrained(folder)
    vectors = []
    with torch.no_grad():
        for row in rows:
            encoded = tokenizer(row.text, row.pair, truncation=True, max_length=32, return_tensors="pt")
            vectors.append(model(**encoded)[1][0].numpy())
    return np.stack(vectors)


def _fitted(vectors: NDArray[np.float32], rows: Sequence[Example], labels: Sequence[str], kind: Kind) -> Any:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    if kind == "single-label":
        head = LogisticRegression(C=1e4, max_iter=2000).fit(vectors, [row.label for row in rows])
        if len(labels) == 2:  # scikit-learn has one row of weights for two labels
            return np.concatenate([-head.coef_, head.coef_]) / 2, np.concatenate(
                [-head.intercept_, head.intercept_]
            ) / 2
        return head.coef_, head.intercept_
    heads = [
        LogisticRegression(C=1e4, max_iter=2000).fit(vectors, [name in _names(row, kind) for row in rows])
        for name in labels
    ]
    return np.concatenate([head.coef_ for head in heads]), np.concatenate([head.intercept_ for head in heads])
