"""Answers from cached embeddings are those of the engine."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.engine import Engine
from core.package import GRAPH, read_facts
from export.head import exchange_head, read_head
from lifecycle.cached_answers import CachedAnswers, answers_of, cached_answers
from tests.tasks import TaskFiles, multi_label_rows, paired_rows
from tests.tiny import tiny_rows

ROWS = tiny_rows(90, seed=5)


@pytest.mark.parametrize("task", ["single", "multi_label", "paired"])
def test_the_answers_and_features_are_those_of_the_engine(
    task: str, tiny_package: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    package, rows = tiny_package, ROWS
    if task != "single":
        files: TaskFiles = request.getfixturevalue(task)
        package, rows = files.package, (multi_label_rows if task == "multi_label" else paired_rows)(60, seed=5)
    answers, engine = answers_of(package, tmp_path), Engine(package)
    assert isinstance(answers, CachedAnswers)
    assert answers.labels == engine.labels
    for _ in range(2):  # not cached, and cached
        given, expected = (one.answer([row.input for row in rows]) for one in (answers, engine))
        np.testing.assert_allclose(given.probabilities, expected.probabilities, atol=1e-5)
        np.testing.assert_array_equal(given.predicted, expected.predicted)
    features, as_expected = (one.features(rows, copies=[2] * len(rows)) for one in (answers, engine))
    np.testing.assert_array_equal(features.length, as_expected.length)
    np.testing.assert_array_equal(features.truth, as_expected.truth)
    np.testing.assert_allclose(features.confidence, as_expected.confidence, atol=1e-5)


def test_the_bytes_of_an_embedding_do_not_hang_on_what_is_cached(tiny_package: Path, tmp_path: Path) -> None:
    texts = [row.text for row in ROWS]
    at_once = cached_answers(tiny_package, tmp_path / "a").embeddings(texts)
    for part in (texts[40:41], texts[:7], texts[::3]):
        cached_answers(tiny_package, tmp_path / "b").embeddings(part)
    in_parts = cached_answers(tiny_package, tmp_path / "b").embeddings(texts)
    assert in_parts.tobytes() == at_once.tobytes()


def test_a_version_with_another_head_has_the_same_embeddings(
    tiny_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, other = [row.text for row in ROWS], tmp_path / "other"
    before = cached_answers(tiny_package, tmp_path / "cache").answer(texts)
    shutil.copytree(tiny_package, other)
    head = read_head(tiny_package / GRAPH)
    exchange_head(tiny_package / GRAPH, other / GRAPH, weight=head.weight[::-1], bias=head.bias[::-1])

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the encoder runs again")

    monkeypatch.setattr(Engine, "infer", never)
    after = cached_answers(other, tmp_path / "cache").answer(texts)
    np.testing.assert_array_equal(after.logits, before.logits[:, ::-1])
    with pytest.raises(AssertionError):
        cached_answers(other, tmp_path / "cache").answer(["new"])


@pytest.mark.parametrize("name", ["tokenizer.json", "package.json"])
def test_another_tokenizer_or_length_is_another_encoder(tiny_package: Path, tmp_path: Path, name: str) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny_package, other)
    content = (other / name).read_text(encoding="utf-8")
    length = read_facts(tiny_package).max_length
    changed = (
        f"{content} " if name == "tokenizer.json" else content.replace(f'"max_length": {length}', '"max_length": 9')
    )
    assert changed != content
    (other / name).write_text(changed, encoding="utf-8")
    for folder in (tiny_package, other):
        cached_answers(folder, tmp_path / "cache").embeddings(["a text"])
    assert len(list((tmp_path / "cache").glob("*.embeddings"))) == 2
