import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from core.checkpoint import VALIDATION, read_training, write_training
from core.labels import Kind
from finetune.report.charts import confusion_matrix
from finetune.report.contents import gather
from finetune.report.page import report_page
from tests.trainings import LABELS, write_made_up_checkpoint


class Elements(HTMLParser):
    """The tags of a page in order, and the URLs that a browser would request."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.urls: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.urls += [
            str(value)
            for name, value in attrs
            if name in ("src", "href", "xlink:href") and not str(value).startswith("#")
        ]


def page_of(folder: Path, datasets: Path) -> str:
    return report_page(gather(folder, datasets), name=folder.name)


@pytest.mark.parametrize("kind", ["single-label", "multi-label"])
def test_page_shows_every_part_and_requests_no_urls(kind: Kind, tmp_path: Path) -> None:
    write_made_up_checkpoint(tmp_path / "run", tmp_path / "datasets", kind=kind)
    page = page_of(tmp_path / "run", tmp_path / "datasets")
    headings = re.findall(r"<h[23]>([^<]*)", page)
    expected = ["On 200 validation rows", "Risk by coverage", "Training and validation", "Learning rate", "Reliability"]
    expected += ["Confusion", "Confused pairs"] if kind == "single-label" else []
    expected += [
        "Each label, the lowest F1 first",
        "Worst examples",
        "Settings",
        "Provenance",
        "Base model",
        "Versions",
    ]
    assert headings == expected
    found = Elements(page)
    assert found.tags.count("figure") == 4
    assert found.tags.count("caption") == (1 if kind == "single-label" else 0)
    assert found.tags.count("details") == 4
    assert found.urls == []
    assert "script" not in found.tags
    assert "The loss fell fastest there." in page
    assert "mathdefault" not in page


def test_temperature_does_not_change_the_predicted_labels(tmp_path: Path) -> None:
    training = write_made_up_checkpoint(tmp_path / "run", tmp_path / "datasets", kind="multi-label")
    write_training(tmp_path / "run", replace(training, thresholds={"billing": 0.3, "bug": 0.7}))
    answers = gather(tmp_path / "run", tmp_path / "datasets").answers
    assert answers is not None
    assert answers.before.values["macro_f1"] == answers.after.values["macro_f1"]
    assert answers.before.values["log_loss"] > answers.after.values["log_loss"]


def test_same_checkpoint_gives_the_same_page(tmp_path: Path) -> None:
    write_made_up_checkpoint(tmp_path / "run", tmp_path / "datasets")
    first, again = (page_of(tmp_path / "run", tmp_path / "datasets") for _ in range(2))
    assert first == again


def test_labels_in_any_script_give_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    drawn = confusion_matrix(np.array([[5, 1], [2, 8]]), ["请求退款", "配送の遅れ"])
    assert "请求退款" in drawn
    assert not recwarn.list


def test_worst_examples_have_the_highest_losses(tmp_path: Path) -> None:
    write_made_up_checkpoint(tmp_path / "run", tmp_path / "datasets")
    contents = gather(tmp_path / "run", tmp_path / "datasets")
    assert contents.answers is not None
    losses = [example.loss for example in contents.worst]
    assert losses == sorted(contents.answers.losses.tolist(), reverse=True)[:20]
    number = int(contents.worst[0].text.split()[1])
    assert contents.answers.losses[number] == max(losses)
    assert contents.worst[0].truth != contents.worst[0].predicted


def test_texts_and_labels_are_escaped(tmp_path: Path) -> None:
    write_made_up_checkpoint(
        tmp_path / "run",
        tmp_path / "datasets",
        text="<script>alert({})</script>",
        labels=["<img src=x onerror=alert(1)>", "$a_1$", "${broken"],
    )
    page = page_of(tmp_path / "run", tmp_path / "datasets")
    found = Elements(page)
    assert {"script", "img"} & set(found.tags) == set()
    assert "&lt;script&gt;" in page
    assert "$a_1$" in page[page.index(">Confusion<") : page.index(">Confused pairs<")]


def test_page_without_validation_rows_shows_the_other_parts(tmp_path: Path) -> None:
    write_made_up_checkpoint(tmp_path / "run", tmp_path / "datasets")
    page = page_of(tmp_path / "run", tmp_path / "elsewhere")
    assert "are no longer stored here: the worst examples cannot be shown." in page
    assert "Reliability" in page
    assert "Worst examples" not in page


def test_rows_that_do_not_match_the_answers_are_not_shown(tmp_path: Path) -> None:
    training = write_made_up_checkpoint(tmp_path / "run", tmp_path / "datasets")
    kept = tmp_path / "datasets" / f"{training.data.validation}.jsonl"
    kept.write_text("".join(reversed(kept.read_text().splitlines(keepends=True))))
    contents = gather(tmp_path / "run", tmp_path / "datasets")
    assert contents.worst == []
    assert "do not match the answers" in contents.missing[0]


def test_page_of_a_checkpoint_without_answers_shows_its_stored_metrics(tmp_path: Path) -> None:
    training = write_made_up_checkpoint(tmp_path / "run", tmp_path / "datasets")
    (tmp_path / "run" / VALIDATION).unlink()
    write_training(tmp_path / "run", training)
    page = page_of(tmp_path / "run", tmp_path / "datasets")
    assert f"The checkpoint has no {VALIDATION}" in page
    assert f"{training.metrics['validation']['accuracy']:.4f}" in page
    assert "Training and validation" in page
    assert "Reliability" not in page


def test_confusion_matrix_of_many_labels_shows_the_most_confused(tmp_path: Path) -> None:
    labels = [f"label {number:03}" for number in range(40)]
    write_made_up_checkpoint(tmp_path / "run", tmp_path / "datasets", labels=labels)
    contents = gather(tmp_path / "run", tmp_path / "datasets")
    page = report_page(contents, name="run")
    assert "The most confused of 40 labels" in page
    assert contents.answers is not None
    assert contents.answers.after.confusion is not None
    shown = contents.answers.after.confusion.most_confused(12)
    wrong = contents.answers.after.confusion.counts[:-1].copy()
    np.fill_diagonal(wrong, 0)
    errors = wrong.sum(axis=0) + wrong.sum(axis=1)
    assert min(errors[shown]) >= max(np.delete(errors, shown))


def test_report_of_a_trained_checkpoint(tiny_checkpoint: Path) -> None:
    contents = gather(tiny_checkpoint, tiny_checkpoint.parent / "datasets")
    assert contents.missing == []
    assert contents.answers is not None
    stored = read_training(tiny_checkpoint).metrics["validation"]
    assert contents.answers.after.values["accuracy"] == stored["accuracy"]
    assert len(contents.worst) == 20
    assert set(LABELS) == {scores.label for scores in contents.answers.after.per_label}
