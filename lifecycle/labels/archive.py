"""All labelled rows of a model, for other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from core.durable import write_bytes
from core.feedback import registered_labels
from core.home import Home
from core.label_files.exchange import argilla_records, label_studio_tasks
from core.label_files.spreadsheet import escaped_row
from core.tables.reader import CSV, Cells
from core.tables.writer import table_bytes, written_format

Format = Literal["table", "label-studio", "argilla"]
COLUMNS = ("text", "pair", "label", "source", "prediction_id", "labelled_at")


def labelled_rows(home: Home, model: str) -> list[Cells]:
    """Labelled predictions whose text is stored, and added rows, under the labels' names of today."""
    kind = registered_labels(home.registry, model).kind
    given = [
        {
            "text": row.text,
            "pair": row.pair,
            "label": row.label,
            "source": row.source,
            "prediction_id": row.prediction_id,
            "labelled_at": row.labelled_at,
        }
        for row in home.ledger.labelled(model, kind=kind, counting=home.config.labels.counting)
        if row.has_text
    ]
    taxonomy, added = home.ledger.rules.taxonomy(model, kind), home.ledger.added
    return given + [
        {"text": row.text, "pair": row.pair, "label": row.label, "source": added_by}
        for added_by in (source.source for source in added.sources(model))
        for row in taxonomy.examples(added.rows(model, source=added_by))
    ]


def write_labelled_rows(home: Home, model: str, out: Path, *, form: Format) -> int:
    """Write all labelled rows, a table in the format of the ending, else JSON; return their number."""
    rows = labelled_rows(home, model)
    if form != "table":
        items = label_studio_tasks(rows) if form == "label-studio" else argilla_records(rows)
        write_bytes(out, json.dumps(items, ensure_ascii=False, indent=1).encode())
        return len(rows)
    ending = written_format(out)
    if ending == CSV:
        rows = [escaped_row(row) for row in rows]
    write_bytes(out, table_bytes([{**dict.fromkeys(COLUMNS), **row} for row in rows], ending, COLUMNS))
    return len(rows)
