from dataclasses import replace

import numpy as np

from finetune.encoders.encoder import embed
from finetune.task import Rows, Task
from finetune.training.label_names import with_label_names
from tests.finetune.tasks import MakeTask


def named_task(make_task: MakeTask, names: list[str]) -> Task:
    """30 rows whose texts are the words of a label name."""
    task = make_task()
    inputs = [["invoice refund", "crash error", "how guide"][row % 3] for row in range(30)]
    truth = np.array([row % 3 for row in range(30)])
    rows = Rows(list(inputs), truth, embed(task.encoder, task.tokenizer, inputs))
    return replace(task, labels=names, train=rows)


def test_informative_label_names_become_training_rows(make_task: MakeTask) -> None:
    task = with_label_names(named_task(make_task, ["invoice_refund", "crash_error", "how_guide"]))
    assert task.train.inputs[-3:] == ["invoice refund", "crash error", "how guide"]
    assert task.train.truth[-3:].tolist() == [0, 1, 2]
    assert len(task.train.embeddings) == 33


def test_uninformative_label_names_are_not_used(make_task: MakeTask) -> None:
    assert len(with_label_names(named_task(make_task, ["label_1", "label_2", "label_3"])).train.inputs) == 30


def test_label_names_are_not_used_with_many_rows(make_task: MakeTask) -> None:
    task = named_task(make_task, ["invoice_refund", "crash_error", "how_guide"])
    many = Rows(task.train.inputs * 4, np.tile(task.train.truth, 4), np.tile(task.train.embeddings, (4, 1)))
    assert len(with_label_names(replace(task, train=many)).train.inputs) == 120
