"""Labelled rows in the formats of Label Studio and Argilla."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.tables.reader import Cells, Row, read_table
from lifecycle.labels.spreadsheet import unescaped

LABEL = "label"


def read_rows(path: Path) -> list[Row]:
    """The rows of a data file; tasks of Label Studio and records of Argilla become rows with `text` and `label`.

    Of several annotations of a task the last counts. Raises as `core.tables.reader.read_table`.
    """
    return [Row(_task(row) or _record(row) or _unescaped(row), row.line) for row in read_table(path)]


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


def _unescaped(row: Row) -> Cells:
    return {name: unescaped(cell) if isinstance(cell, str) else cell for name, cell in row.items()}


def _choice(label: str) -> Cells:
    return {"from_name": LABEL, "to_name": "text", "type": "choices", "value": {"choices": [label]}}


def _task(row: Mapping[str, Any]) -> Cells | None:
    data, annotations = row.get("data"), row.get("annotations")
    if not (isinstance(data, dict) and isinstance(annotations, list)):
        return None
    results = [result for annotation in annotations for result in _listed(annotation, "result")]
    choices = [choices for result in results if (choices := _listed(result.get("value", {}), "choices"))]
    return {**data, LABEL: choices[-1] if choices else None}


def _record(row: Mapping[str, Any]) -> Cells | None:
    fields, responses = row.get("fields"), row.get("responses")
    if not (isinstance(fields, dict) and isinstance(responses, dict)):
        return None
    given = [value for values in responses.values() if isinstance(values, list) for value in values]
    last = given[-1] if given else None
    return {**fields, LABEL: last.get("value") if isinstance(last, dict) else last}


def _listed(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []
