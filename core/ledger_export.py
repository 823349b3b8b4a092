"""Writes rows of the ledger to a file, in constant memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from sqlalchemy import Column, ColumnElement, Table, select

from core import schema
from core.database import Database
from core.durable import require_writable
from core.schema import is_of_model, predictions
from core.tables.reader import PARQUET
from core.tables.writer import joined, table_bytes, written_format

TableName = Literal["predictions", "feedback", "checks", "decisions", "promotions", "jobs"]
BATCH_ROWS = 5000
NOT_WRITTEN = frozenset({"embedding"})


def export_table(database: Database, model: str, name: TableName, out: Path) -> int:
    """Write a model's rows of a table, oldest first, without embeddings; return their number.

    `out` is a new file: .csv, .jsonl or .parquet. Raises `UnknownFileFormat`, `TargetExists` or `Unavailable`.
    """
    ending = written_format(out)
    require_writable(out)
    columns = [column for column in schema.metadata.tables[name].columns if column.name not in NOT_WRITTEN]
    names, count = [column.name for column in columns], 0
    with TemporaryDirectory(dir=out.absolute().parent, prefix=f".{out.name}.") as folder:
        parts: list[Path] = []
        for rows in _batches(database, model, schema.metadata.tables[name], columns):
            shown = [_flat(row) for row in rows] if ending == PARQUET else rows
            parts.append(Path(folder) / str(len(parts)))
            parts[-1].write_bytes(table_bytes(shown, ending, names))
            count += len(rows)
        joined(parts, out)
    return count


def _batches(
    database: Database, model: str, table: Table, columns: list[Column[Any]]
) -> Iterator[list[dict[str, Any]]]:
    """At least one, which may be empty."""
    key = next(iter(table.primary_key.columns))
    last: int | None = None
    while True:
        query = select(*columns).where(_is_of(table, model)).order_by(key).limit(BATCH_ROWS)
        with database.read() as connection:
            rows = connection.execute(query if last is None else query.where(key > last)).mappings().all()
        if rows or last is None:
            yield [dict(row) for row in rows]
        if len(rows) < BATCH_ROWS:
            return
        last = rows[-1][key.name]


def _is_of(table: Table, model: str) -> ColumnElement[bool]:
    """A label is of the model of its prediction."""
    if "model" in table.columns:
        return table.c.model == model
    return table.c.prediction_id.in_(select(predictions.c.id).where(is_of_model(model)))


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A column of Parquet has one type: objects are JSON texts."""
    return {key: json.dumps(value) if isinstance(value, dict | list) else value for key, value in row.items()}
