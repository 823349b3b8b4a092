from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from core.datasets import Example
from core.tables.reader import read_table
from tests.cli.conftest import Command
from tests.finetune.quality.planted import BAD, write_rows
from tests.tiny import tiny_rows


@pytest.fixture
def check(retune: Command, tiny_base_model: Path) -> Command:
    """`retune check` with the tiny base model."""
    return lambda *words: retune("check", *words, "--base-model", tiny_base_model)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "bad.csv", BAD)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """Rows without findings, each with one unique word."""
    return write_rows(tmp_path / "good.csv", distinct(tiny_rows(120)))


def distinct(rows: list[Example]) -> list[tuple[str, str]]:
    return [(f"{row.text} {number * 7919:x}", str(row.label)) for number, row in enumerate(rows)]


def finding(out: str, name: str) -> dict[str, Any]:
    return next(item for item in json.loads(out)["findings"] if item["check"] == name)


def test_json_contains_each_finding_with_its_rows(check: Command, bad: Path) -> None:
    code, out, _ = check(bad, "--json")
    result = json.loads(out)
    assert code == 0
    assert result["rows"] == len(BAD)
    assert {"check", "severity", "count", "rows", "advice"} <= set(result["findings"][0])
    empty = finding(out, "empty")
    assert (empty["severity"], empty["count"]) == ("error", 1)
    assert empty["rows"] == [{"row": len(BAD), "text": "", "label": "bug", "detail": "no text"}]


def test_the_table_names_the_finding_the_row_and_what_to_do(check: Command, bad: Path) -> None:
    _, out, _ = check(bad, "--quick")
    assert "ERROR    empty: 1 row" in out
    assert f"row {len(BAD)}" in out
    assert "--fix removes them" in out


def test_strict_exits_3_with_a_warning_and_0_without(check: Command, bad: Path, good: Path) -> None:
    assert check(bad, "--quick", "--strict")[0] == 3
    code, out, _ = check(good, "--quick", "--strict")
    assert (code, out.count("WARNING")) == (0, 0)


def test_most_suspected_rows_have_a_flipped_label(check: Command, tmp_path: Path) -> None:
    rows = distinct(tiny_rows(400))
    wrong = set(range(7, 400, 20))
    given = [
        (text, "how_to" if label == "bug" else "bug") if row in wrong else (text, label)
        for row, (text, label) in enumerate(rows)
    ]
    _, out, _ = check(write_rows(tmp_path / "rows.csv", given), "--json")
    listed = {number - 1 for number in finding(out, "label_noise")["row_numbers"]}
    assert len(listed) >= 5  # a random model of two layers finds no more than half of the 20
    assert len(listed & wrong) >= 0.7 * len(listed)


def test_a_different_other_file_is_a_finding(check: Command, good: Path, tmp_path: Path) -> None:
    others = [(f"guide guide explain steps {number:x}", "how_to") for number in range(80)]
    _, out, _ = check(good, "--against", write_rows(tmp_path / "other.csv", others), "--json")
    assert finding(out, "representativeness")["severity"] == "warning"


def test_fix_writes_a_copy_and_a_log(check: Command, bad: Path, tmp_path: Path) -> None:
    _, out, _ = check(bad, "--quick", "--fix", tmp_path / "fixed.csv", "--json")
    result = json.loads(out)
    log = [json.loads(line) for line in Path(result["log"]).read_text().splitlines()]
    assert result["removed"] == len(log) == 2
    assert len(read_table(tmp_path / "fixed.csv")) == len(BAD) - 2
    _, again, _ = check(tmp_path / "fixed.csv", "--quick", "--json")
    assert {"empty", "duplicates"}.isdisjoint(item["check"] for item in json.loads(again)["findings"])


def test_suspects_are_dropped_only_with_the_option(check: Command, tmp_path: Path) -> None:
    rows = distinct(tiny_rows(400))
    given = [(text, "bug" if row % 40 == 5 else label) for row, (text, label) in enumerate(rows)]
    file = write_rows(tmp_path / "rows.csv", given)
    _, kept, _ = check(file, "--fix", tmp_path / "kept.csv", "--json")
    _, dropped, _ = check(file, "--fix", tmp_path / "dropped.csv", "--drop-suspects", "--json")
    suspects = finding(kept, "label_noise")["count"]
    assert suspects > 0
    assert json.loads(dropped)["removed"] - json.loads(kept)["removed"] == suspects


def test_the_page_escapes_the_texts(check: Command, tmp_path: Path) -> None:
    rows = [*BAD, ("<script>alert(1)</script> & more", "bug"), ("<script>alert(1)</script> & more", "bug")]
    check(write_rows(tmp_path / "rows.csv", rows), "--quick", "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "<script" not in page
    assert "http" not in page


def test_secrets_are_not_in_the_output_the_page_or_the_log(check: Command, tmp_path: Path) -> None:
    secrets = ["jo.smith@example.org", "4111 1111 1111 1111", "GB82 WEST 1234 5698 7654 32", "+44 20 7946 0958"]
    rows = [(f"my data is {secret} as you know", "bug") for secret in secrets for _ in range(2)]
    file = write_rows(tmp_path / "rows.csv", [*BAD, *rows])
    _, out, err = check(file, "--quick", "--html", tmp_path / "page.html", "--fix", tmp_path / "fixed.csv")
    shown = out + err + (tmp_path / "page.html").read_text() + (tmp_path / "fixed.csv.removed.jsonl").read_text()
    assert "personal_data" in out
    assert [secret for secret in secrets if secret in shown] == []


def test_several_labels_and_pairs_can_be_checked(check: Command, tmp_path: Path) -> None:
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["question", "answer", "tags"])
        for number, row in enumerate(tiny_rows(90)):
            writer.writerow([f"{row.text} {number * 7919:x}", f"see {row.label}", f"{row.label};seen"])
    words = ("--text-column", "question", "--pair-column", "answer", "--label-column", "tags", "--multi-label")
    code, out, _ = check(tmp_path / "rows.csv", *words, "--label-separator", ";", "--json")
    assert code == 0
    assert "confusable_labels" not in json.loads(out)["checks"]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--drop-suspects",), ("add --fix FILE",)),
        (("--fix", "new.csv", "--drop-suspects", "--quick"), ("--quick",)),
    ],
)
def test_contradicting_options_are_wrong_usage(
    check: Command, bad: Path, words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    code, _, err = check(bad, *words)
    assert code == 2
    assert all(part in err for part in parts)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("no.csv",), "Check the path"),
        (("bad.csv", "--against", "no.csv"), "Check the path"),
        (("bad.csv", "--text-column", "body"), "no column 'body'"),
        (("bad.csv", "--fix", "bad.csv"), "exists already"),
        (("bad.csv", "--fix", "new.jsonl"), "must end in .csv"),
    ],
)
def test_wrong_input_is_one_sentence(check: Command, bad: Path, words: tuple[str, ...], part: str) -> None:
    code, out, err = check(*words)
    assert (code, out) == (1, "")
    assert len(err.strip().splitlines()) == 1
    assert part in err
