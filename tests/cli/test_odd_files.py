"""Odd files through every command that reads them: read as they were meant, or refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.datasets import read_examples
from core.errors import InvalidInput
from core.ledger import Ledger
from core.tables.reader import read_table
from tests.cli.conftest import Command
from tests.odd_files import OddFile, odd_files

FILES = odd_files()
assert len(FILES) >= 150
odd_file = pytest.mark.parametrize("odd", FILES, ids=[odd.about for odd in FILES])


@pytest.fixture
def path(odd: OddFile, tmp_path: Path) -> Path:
    path = tmp_path / odd.name
    path.write_bytes(odd.content)
    return path


@odd_file
def test_rows_are_those_that_were_meant(odd: OddFile, path: Path) -> None:
    if odd.rows is None:
        with pytest.raises(InvalidInput):
            read_examples(path)
    else:
        assert [(row.text, row.label) for row in read_examples(path)] == list(odd.rows)


@pytest.mark.slow
@odd_file
def test_commands_read_every_row_or_refuse_the_file(
    odd: OddFile, path: Path, retune: Command, tiny_package: Path
) -> None:
    count = odd.row_count if odd.rows is None else len(odd.rows)
    code, out, err = retune("check", path, "--quick", "--json")
    if code == 0:
        found = json.loads(out)
        has_blanks = any(finding["check"] == "empty" for finding in found["findings"])
        assert (found["rows"], has_blanks) == (count, odd.rows is None)
    else:
        assert (code, odd.rows, is_sentence(err)) == (1, None, True), err
    code, out, err = retune("score", path, "--model", tiny_package, "--out", path.with_name("scored.jsonl"), "--json")
    if code == 0:
        scored = read_table(path.with_name("scored.jsonl"))
        assert json.loads(out)["rows"] == len(scored) == count
        assert all((row["predicted_label"] is None) != (row["error"] is None) for row in scored)
    else:
        assert (code, count, is_sentence(err)) == (1, None, True), err
    if odd.rows is None:
        code, _, err = retune("finetune", "--data", path, "--out", path.with_name("checkpoint"))
        assert (code, is_sentence(err)) == (1, True), err
    assert not path.with_name("checkpoint").exists()


@pytest.mark.slow
@odd_file
def test_drift_compares_every_row_or_refuses_the_file(
    odd: OddFile, path: Path, retune: Command, tiny_package: Path
) -> None:
    retune("register", tiny_package, "--model", "m")
    retune("promote", "m@1")
    words = ("drift", "--model", "m", "--file", path, "--json")
    code, out, err = retune(*words, *(["--labels"] if odd.rows is not None else []))
    if code in (0, 3):
        verdict = json.loads(out)
        assert verdict["repetition"]["rows"] == (odd.row_count if odd.rows is None else len(odd.rows))
        if odd.rows is not None:
            assert verdict["rows"] == len({text for text, _ in odd.rows})
    else:
        assert (code, odd.rows, is_sentence(err)) == (1, None, True), err
    if odd.rows is None:
        code, _, err = retune(*words, "--labels")
        assert (code, is_sentence(err)) == (1, True), err


@pytest.mark.slow
@pytest.mark.parametrize(
    "odd", [odd for odd in FILES if odd.name in ("a.csv", "a.json", "a.jsonl")], ids=lambda odd: odd.about
)
def test_labels_are_imported_or_named(odd: OddFile, path: Path, retune: Command, tiny_package: Path) -> None:
    retune("register", tiny_package, "--model", "m")
    for encoding in ("utf-8", "utf-16", "utf-32"):
        try:
            text = odd.content.decode(encoding)
            path.write_bytes(
                text.replace("text", "prediction_id", 1).replace('"text"', '"prediction_id"').encode(encoding)
            )
            break
        except UnicodeDecodeError:
            continue
    code, out, err = retune("labels", "import", "m", path, "--json")
    if code in (0, 3):
        found = json.loads(out)
        count = odd.row_count if odd.rows is None else len(odd.rows)
        assert found["accepted"] + found["unknown"] + found["empty"] + len(found["refused"]) == count
        assert (code == 3) == bool(found["refused"])
    else:
        assert (code, is_sentence(err)) == (1, True), err


@pytest.mark.slow
@odd_file
def test_rows_are_added_as_they_were_meant(
    odd: OddFile, path: Path, retune: Command, tiny_package: Path, ledger: Ledger
) -> None:
    retune("register", tiny_package, "--model", "m")
    code, out, err = retune("labels", "add", "m", path, "--source", "desk", "--json")
    if odd.rows is None:
        assert (code, is_sentence(err)) == (1, True), err
        assert ledger.added.rows("m") == []
    else:
        refused = {row["row"] for row in json.loads(out)["refused"]}
        kept = [row for number, row in enumerate(odd.rows, 1) if number not in refused]
        assert [(row.text, row.label) for row in ledger.added.rows("m")] == list(dict.fromkeys(kept))


def is_sentence(err: str) -> bool:
    """Whether what was said ends with one paragraph that ends a sentence."""
    lines = err.strip().splitlines()
    return bool(lines) and lines[-1].startswith(("Error: ", "error: ")) and lines[-1].endswith((".", "?"))
