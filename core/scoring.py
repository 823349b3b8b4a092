"""Scores a file of any size in constant memory; an interrupted run can be resumed.

The predictions of each chunk of rows are written to a file beside the output; all chunks are joined at the end. A
resumed run computes only the missing chunks.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core.datasets import Columns, ExampleReader, Text, input_of
from core.durable import detect_disk_full, require_writable, write_bytes
from core.engine import BATCH_TOKENS, Encoded, Engine, Outputs, batches
from core.errors import EmptyCell, EmptyDataset, ReservedColumns, RowFault
from core.prediction_json import answer
from core.progress import Progress
from core.tables.reader import Cells, Row, TableReader, require_readable
from core.tables.writer import joined, table_bytes, written_format

CHUNK_ROWS = 4096
"""Large enough to fill batches of similar length, small enough to be recomputed after an interruption."""

LABEL, SCORE, SCORES = "predicted_label", "predicted_score", "predicted_scores"
ADDED = (LABEL, SCORE, "truncated", "all_unknown", "abstained", "error")
"""Columns that scoring adds to a file; with `top_k` also `SCORES`."""

EMPTY: Cells = {**dict.fromkeys(ADDED), "error": "The text is empty."}


@dataclass(frozen=True)
class ScoredFile:
    """`errors`: rows without a prediction; `reused`: rows from an interrupted run."""

    rows: int
    errors: int
    reused: int
    seconds: float


@dataclass(frozen=True)
class Scoring:
    """Input, output and options. `top_k`: how many of the most probable labels are also written with their scores."""

    source: Path
    out: Path
    columns: Columns
    top_k: int | None = None


def score_file(engine: Engine, scoring: Scoring, *, threads: int, resume: bool, on_progress: Progress) -> ScoredFile:
    """Write all rows of `source` to `out`, in order, with the columns `ADDED`.

    A row without a prediction has the reason in `error`. `engine` should have one thread: `threads` batches are
    computed at the same time. With `resume`, the chunks of an interrupted run with the same file, package and options
    are reused. Raises `TargetExists`, `NotWritable`, `MissingColumn`, `ReservedColumns`, `EmptyDataset`, `DiskFull`, or
    as `TableReader`.
    """
    started = time.monotonic()
    require_writable(scoring.out)
    require_readable(scoring.source)
    chunks = _Chunks(scoring, identity=_identity(engine, scoring), resume=resume)
    reused = chunks.rows
    with detect_disk_full(scoring.out), TableReader(scoring.source) as reader, ThreadPoolExecutor(threads) as pool:
        pending: _Pending | None = None
        for first, rows in _in_chunks(reader, skipped=reused):
            following = _Pending(pool, engine, rows, scoring, first=first)
            # One chunk is computed while the next one is read and the previous one is written.
            if pending is not None:
                chunks.add(pending.answered())
            pending = following
            on_progress("Scoring", reader.share)
        if pending is not None:
            chunks.add(pending.answered())
        if not chunks.rows:
            raise EmptyDataset(scoring.source)
        chunks.finish()
    return ScoredFile(chunks.rows, chunks.errors, reused, time.monotonic() - started)


def _in_chunks(reader: TableReader, *, skipped: int) -> Iterator[tuple[int, list[Row]]]:
    """Each chunk with the number of its first row."""
    rows, first = islice(reader, skipped, None), skipped + 1
    while chunk := list(islice(rows, CHUNK_ROWS)):
        yield first, chunk
        first += len(chunk)


class _Pending:
    """A chunk whose batches are computed in the pool."""

    def __init__(
        self, pool: ThreadPoolExecutor, engine: Engine, rows: Sequence[Row], scoring: Scoring, *, first: int
    ) -> None:
        """`first`: number of the first row in the file."""
        self._engine, self._rows, self._scoring = engine, rows, scoring
        if taken := sorted({*ADDED, SCORES} & set(rows[0])):
            raise ReservedColumns(taken, scoring.source)
        # Label columns of the file are copied like all other columns.
        columns = Columns(text=scoring.columns.text, pair=scoring.columns.pair)
        reader = ExampleReader(rows, scoring.source, columns, labelled=False)
        inputs: list[Text] = []
        self._answerable: list[int] = []
        self._added: list[Cells] = []
        for index, row in enumerate(rows):
            try:
                inputs.append(input_of(*reader.texts(row, first + index)))
                self._answerable.append(index)
                self._added.append({})
            except EmptyCell:
                self._added.append(EMPTY)
            except RowFault as error:
                self._added.append({**EMPTY, "error": str(error)})
        self._encoded = engine.encode(inputs)
        self._batches = list(batches([item.tokens for item in self._encoded], batch_tokens=BATCH_TOKENS))
        self._computed: list[Future[Outputs]] = [
            # The longest batch first, so that no thread computes it alone at the end.
            pool.submit(engine.infer, [self._encoded[index] for index in batch])
            for batch in reversed(self._batches)
        ]

    def answered(self) -> list[Cells]:
        """The rows with the added columns, when all batches are computed."""
        for batch, computed in zip(reversed(self._batches), self._computed, strict=True):
            outputs = computed.result()
            for place, index in enumerate(batch):
                self._added[self._answerable[index]] = self._answer(self._encoded[index], outputs.row(place))
        scores = {} if self._scoring.top_k is None else {SCORES: "{}"}
        return [{**row, **scores, **own} for row, own in zip(self._rows, self._added, strict=True)]

    def _answer(self, encoded: Encoded, outputs: Outputs) -> Cells:
        top_k = self._scoring.top_k
        given = answer(self._engine, encoded, outputs, top_k=top_k or 1)
        scores = {name: round(score, 6) for name, score in given["scores"].items()}
        return {
            LABEL: given["label"],
            SCORE: round(given["score"], 6),
            **({} if top_k is None else {SCORES: json.dumps(scores, ensure_ascii=False)}),
            "truncated": given["truncated"],
            "all_unknown": given["all_unknown"],
            "abstained": given["abstained"],
            "error": None,
        }


def _identity(engine: Engine, scoring: Scoring) -> str:
    """Hash of package, options, and the file's path, size and time; to hash the content would take too long."""
    state = scoring.source.stat()
    facts = [
        str(scoring.source.absolute()),
        [state.st_size, state.st_mtime_ns],
        engine.digest,
        [scoring.columns.text, scoring.columns.pair, scoring.top_k, CHUNK_ROWS],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


class _Chunks:
    """The finished chunks, as files in a folder beside the output, and their row counts."""

    def __init__(self, scoring: Scoring, *, identity: str, resume: bool) -> None:
        self._out, self._format = scoring.out, written_format(scoring.out)
        self._folder = scoring.out.absolute().with_name(f".{scoring.out.name}.scored")
        self._identity = identity
        self._columns: list[str] = []
        self.count = self.rows = self.errors = 0
        if resume:
            self._restore()
        if not self.count:
            shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, rows: list[Cells]) -> None:
        self._columns = self._columns or list(rows[0])
        write_bytes(self._file(self.count), table_bytes(rows, self._format, self._columns))
        self.count += 1
        self.rows += len(rows)
        self.errors += sum(row["error"] is not None for row in rows)
        facts = {"identity": self._identity, **{name: getattr(self, name) for name in _STATE_FIELDS}}
        write_bytes(self._folder / _STATE, json.dumps(facts).encode())

    def finish(self) -> None:
        joined([self._file(number) for number in range(self.count)], self._out)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:06d}{self._format}"

    def _restore(self) -> None:
        """Restore the state after the last chunk, if its identity is the same."""
        try:
            facts = json.loads((self._folder / _STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        if facts.pop("identity", None) == self._identity:
            for name in _STATE_FIELDS:
                setattr(self, name, facts[name])


_STATE = "state.json"
_STATE_FIELDS = ("count", "rows", "errors", "_columns")
