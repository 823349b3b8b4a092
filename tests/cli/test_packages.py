"""`retune verify` and `retune score`."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

from core.datasets import Example
from core.package import GRAPH
from tests.cli.conftest import Command


def test_a_valid_package_is_verified(retune: Command, tiny_package: Path) -> None:
    code, out, _ = retune("verify", tiny_package, "--json")
    facts = json.loads(out)
    assert (code, facts["rung"], facts["labels"], facts["golden"]) == (0, "fp32", 3, 3)
    assert facts["largest_difference"] < 1e-3


def test_a_package_with_one_flipped_byte_is_refused(retune: Command, tiny_package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    shutil.copytree(tiny_package, folder)
    content = bytearray((folder / GRAPH).read_bytes())
    content[1000] ^= 1
    (folder / GRAPH).write_bytes(content)
    code, out, err = retune("verify", folder)
    assert (code, out) == (1, "")
    assert f"Package {folder} is refused: model.onnx differs from its sha256" in err
    assert len(err.splitlines()) == 1


def test_a_folder_without_a_package_and_a_missing_folder_are_different_errors(retune: Command, tmp_path: Path) -> None:
    assert "manifest.json is missing" in retune("verify", tmp_path)[2]
    assert "No package at" in retune("verify", tmp_path / "absent")[2]


def test_a_file_is_scored_with_the_named_column(
    retune: Command, tiny_package: Path, tiny_examples: list[Example], tmp_path: Path
) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    with source.open("w", newline="") as file:
        csv.writer(file).writerows([["n", "body"], *enumerate(example.text for example in tiny_examples)])
    words = ("score", source, "--model", tiny_package, "--out", out, "--text-column", "body", "--json")
    code, printed, _ = retune(*words)
    assert (code, json.loads(printed)["rows"], json.loads(printed)["errors"]) == (0, 120, 0)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "n",
        "body",
        "predicted_label",
        "predicted_score",
        "truncated",
        "all_unknown",
        "abstained",
        "error",
    ]
    assert [row["body"] for row in rows] == [example.text for example in tiny_examples]
    again = retune(*words)
    assert (again[0], len(again[2].splitlines())) == (1, 1)
    assert str(out) in again[2]


def test_a_file_of_an_unknown_format_is_refused(retune: Command, tiny_package: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("hello")
    code, _, err = retune("score", tmp_path / "in.txt", "--model", tiny_package, "--out", tmp_path / "out.csv")
    assert (code, "Convert it to one of: .csv, .tsv, .jsonl, .json, .parquet" in err) == (1, True)
    (tmp_path / "in.csv").write_text("text\nhello\n")
    code, _, err = retune("score", tmp_path / "in.csv", "--model", tiny_package, "--out", tmp_path / "out.txt")
    assert (code, "out.txt ends in '.txt'" in err) == (1, True)


def test_register_says_what_clients_will_see(retune: Command, tiny_package: Path) -> None:
    out = retune("register", tiny_package, "--model", "a")[1]
    assert "requests for 'a' get 503 until a version is promoted" in out
    assert "No model is in service yet" in out
    retune("promote", "a@1")
    out = retune("register", tiny_package, "--model", "b")[1]
    assert "requests for 'b' get 503" in out
    assert "Requests without 'model' are answered by 'a'." in out
    out = retune("promote", "b@1")[1]
    assert '"model": "b"' in out
    assert "Requests without 'model' are answered by 'a'." in out
    assert "a@1 answers already" in retune("register", tiny_package, "--model", "a")[1]
