"""Labelled rows in the formats of Label Studio and Argilla."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import SeveralQuestions
from core.label_files.spreadsheet import unescaped_row
from core.tables.reader import Cells, Row, read_table

LABEL = "label"


@dataclass(frozen=True)
class LabelledRows:
    """Rows by their number in the file; `untold`: the fields of the tasks and records that a person skipped, as one
    that cannot tell the label; `empty`: number of tasks and records without an answer, these included.
    """

    rows: dict[int, Row]
    empty: int
    untold: dict[int, Row]


@dataclass(frozen=True)
class _Answered:
    """A task or record: its fields, the last answer to each question, and whether a person skipped it."""

    fields: Cells
    answers: dict[str, Any]
    is_skipped: bool


def read_rows(path: Path, label: str = LABEL) -> LabelledRows:
    """The rows of a data file; a task of Label Studio or record of Argilla becomes its fields and the column `label`.

    Its label is the last answer to the question `label`, or to the only question of the file that has answers.
    Cancelled annotations, drafts and discarded responses do not count. Raises `SeveralQuestions`, and as
    `core.tables.reader.read_table`.
    """
    table = read_table(path)
    found = [_task(row) or _record(row) for row in table]
    question = _question(path, label, {name for item in found if item for name in item.answers})
    rows: dict[int, Row] = {}
    untold: dict[int, Row] = {}
    for number, (row, item) in enumerate(zip(table, found, strict=True), 1):
        if item is None:
            rows[number] = Row(unescaped_row(row), row.line)
        elif question in item.answers:
            rows[number] = Row({**item.fields, label: item.answers[question]}, row.line)
        elif item.is_skipped and not item.answers:
            untold[number] = Row(item.fields, row.line)
    return LabelledRows(rows, len(table) - len(rows), untold)


def label_studio_tasks(rows: Sequence[Cells]) -> list[Cells]:
    """Annotated tasks in Label Studio's import format; the label is a result of type `choices` on the field `text`."""
    return [
        {
            "data": {name: row[name] for name in ("text", "pair") if row.get(name) is not None},
            "annotations": [{"result": [_choice(row[LABEL])]}],
        }
        for row in rows
    ]


def argilla_records(rows: Sequence[Cells]) -> list[Cells]:
    """Records with a response, as Argilla's `Dataset.records.log` takes them."""
    return [
        {
            "fields": {name: row[name] for name in ("text", "pair") if row.get(name) is not None},
            "responses": {LABEL: [{"value": row[LABEL]}]},
        }
        for row in rows
    ]


def _choice(label: str) -> Cells:
    return {"from_name": LABEL, "to_name": "text", "type": "choices", "value": {"choices": [label]}}


def _question(path: Path, label: str, answered: set[str]) -> str:
    if label in answered or not answered:
        return label
    if len(answered) > 1:
        raise SeveralQuestions(path, sorted(answered), label)
    return next(iter(answered))


def _task(row: Mapping[str, Any]) -> _Answered | None:
    data, annotations = row.get("data"), row.get("annotations")
    if not (isinstance(data, dict) and isinstance(annotations, list)):
        return None
    made = [item for item in annotations if isinstance(item, dict)]
    valid = [item for item in made if not item.get("was_cancelled")]
    results = [result for annotation in valid for result in _listed(annotation, "result")]
    return _Answered(
        data,
        {
            str(result.get("from_name", LABEL)): choices
            for result in results
            if isinstance(result, dict) and (choices := _listed(result.get("value"), "choices"))
        },
        len(valid) < len(made),
    )


def _record(row: Mapping[str, Any]) -> _Answered | None:
    fields, responses, metadata = row.get("fields"), row.get("responses"), row.get("metadata")
    if not (isinstance(fields, dict) and isinstance(responses, dict)):
        return None
    given = {
        question: [value for response in _listed(responses, question) if (value := _response(response)) is not None]
        for question in responses
    }
    every = [response for question in responses for response in _listed(responses, question)]
    return _Answered(
        {**metadata, **fields} if isinstance(metadata, dict) else fields,
        {question: values[-1] for question, values in given.items() if values},
        any(isinstance(response, dict) and response.get("status") == "discarded" for response in every),
    )


def _response(response: Any) -> Any:
    """The submitted value, None for a draft and a discarded response."""
    if not isinstance(response, dict):
        return response
    return None if response.get("status") in ("draft", "discarded") else response.get("value")


def _listed(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []
