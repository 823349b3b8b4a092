from __future__ import annotations

from pathlib import Path

import pytest

from core.datasets import Columns, Example
from finetune.quality.findings import Finding
from finetune.quality.inspection import QUICK, QUICK_AGAINST, inspect, inspect_quickly
from tests.finetune.quality.planted import CLEAN, TICKETS, Pairs, clean_rows, read_rows, write_rows

BASE = clean_rows()
LAST = len(BASE)

# By check: rows added to the clean ones, and the numbers, from 1, of the added rows that it must find.
PLANTED: dict[str, tuple[Pairs, list[int]]] = {
    "empty": ([("  ", "billing"), ("Where is the export button?", "")], [1, 2]),
    "too_short": ([("?!", "bug_report"), ("no", "billing")], [1, 2]),
    "few_rows": ([("Do you sponsor meetups in our town?", "sponsoring")], [1]),
    "duplicates": ([(f"  {BASE[0][0].upper()} ", BASE[0][1])], [1]),
    "near_duplicates": ([(f"{BASE[9][0]}!!", BASE[9][1])], [1]),
    "conflicting_labels": ([(BASE[0][0], "sponsoring")], [1]),
    "script": ([("Где кнопка экспорта?", "how_to"), ("My pаypаl account was charged", "billing")], [1, 2]),
    "language": ([("Wo finde ich die Rechnung für meine Bestellung und wann wird sie bezahlt?", "billing")], [1]),
    "personal_data": (
        [
            ("Reach me at ana.lima@example.org, thanks", "billing"),
            ("Ring +44 20 7946 0958 before noon, please", "billing"),
            ("You charged 4111 1111 1111 1111 twice this month", "billing"),
            ("Refund it to GB82 WEST 1234 5698 7654 32 instead", "billing"),
        ],
        [1, 2, 3, 4],
    ),
}


def found_by(check: str, findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.check == check]


def with_planted_rows(folder: Path, rows: Pairs) -> list[Example]:
    return read_rows(write_rows(folder / "rows.csv", [*BASE, *rows]))


@pytest.mark.parametrize("check", sorted(PLANTED))
def test_check_finds_the_planted_rows(check: str, tmp_path: Path) -> None:
    rows, expected = PLANTED[check]
    findings = found_by(check, inspect_quickly(with_planted_rows(tmp_path, rows)))
    numbers = {number for finding in findings for number in finding.rows}
    assert {LAST + number for number in expected} <= numbers
    assert all(finding.advice and finding.sentence for finding in findings)


@pytest.mark.parametrize("check", sorted({*QUICK, *QUICK_AGAINST} - {"over_length", "all_unknown"}))
def test_check_finds_nothing_in_clean_files(check: str) -> None:
    rows, others = read_rows(CLEAN), read_rows(TICKETS / "reference.csv")
    assert found_by(check, inspect_quickly(rows, others)) == []


def test_one_label_is_an_error(tmp_path: Path) -> None:
    rows = read_rows(write_rows(tmp_path / "rows.csv", [(text, "billing") for text, _ in BASE]))
    (finding,) = found_by("too_few_labels", inspect_quickly(rows))
    assert finding.severity == "error"


def test_labels_with_one_text_and_with_few_texts_are_warnings(tmp_path: Path) -> None:
    rows = [("Do you sponsor meetups?", "sponsoring"), ("We are hiring, too", "jobs"), ("Any jobs at yours?", "jobs")]
    findings = found_by("few_rows", inspect_quickly(with_planted_rows(tmp_path, rows)))
    assert [(finding.severity, finding.rows) for finding in findings] == [
        ("warning", (LAST + 1,)),
        ("warning", (LAST + 2, LAST + 3)),
    ]


def test_labels_with_nearly_the_same_name_are_found_with_their_counts(tmp_path: Path) -> None:
    rows = [("Where is it?", "Billing"), ("And my invoice?", "biling"), ("Still no invoice", "Billing")]
    (finding,) = found_by("label_names", inspect_quickly(with_planted_rows(tmp_path, rows)))
    assert "'Billing' (2) and 'billing'" in finding.sentence
    assert "'biling' (1) and 'billing'" in finding.sentence
    assert set(finding.rows) == {LAST + 1, LAST + 2, LAST + 3}


@pytest.mark.parametrize("label", ["0.4558", "nan", "93%"])
def test_a_label_like_a_score_or_no_value_is_found(tmp_path: Path, label: str) -> None:
    (finding,) = found_by("label_names", inspect_quickly(with_planted_rows(tmp_path, [("Where is it?", label)])))
    assert (finding.severity, finding.rows) == ("warning", (LAST + 1,))
    assert f"{label!r} (1)" in finding.sentence


def test_imbalance_compares_the_largest_label_with_the_smallest(tmp_path: Path) -> None:
    most = max((label for _, label in BASE), key=[label for _, label in BASE].count)
    rows = [row for row in BASE if row[1] == most][:60] + [row for row in BASE if row[1] != most][:5]
    (finding,) = found_by("imbalance", inspect_quickly(read_rows(write_rows(tmp_path / "rows.csv", rows))))
    assert finding.severity == "warning"
    assert most in finding.sentence


def test_equal_text_in_the_other_file_is_leakage(tmp_path: Path) -> None:
    others = read_rows(write_rows(tmp_path / "other.csv", [("Another text altogether", "billing"), BASE[3]]))
    (finding,) = found_by("leakage", inspect_quickly(read_rows(CLEAN), others))
    assert finding.rows == (4,)
    assert "row 2 of the other file" in finding.examples[0].detail


def test_nearly_equal_text_in_the_other_file_is_near_leakage(tmp_path: Path) -> None:
    others = read_rows(write_rows(tmp_path / "other.csv", [(f"{BASE[3][0]} !", BASE[3][1])]))
    findings = inspect_quickly(read_rows(CLEAN), others)
    assert found_by("leakage", findings) == []
    assert found_by("near_leakage", findings)[0].rows == (4,)


def test_label_of_the_other_file_only_is_an_error(tmp_path: Path) -> None:
    others = read_rows(write_rows(tmp_path / "other.csv", [("Do you sponsor meetups?", "sponsoring")]))
    (finding,) = found_by("unknown_labels", inspect_quickly(read_rows(CLEAN), others))
    assert finding.severity == "error"
    assert "sponsoring" in finding.sentence


def test_other_file_may_have_no_labels() -> None:
    others = [Example(text) for text, _ in BASE[:5]]
    assert found_by("leakage", inspect_quickly(read_rows(CLEAN), others))[0].count == 5


def test_findings_are_sorted_by_severity(tmp_path: Path) -> None:
    rows = [row for rows, _ in PLANTED.values() for row in rows]
    severities = [finding.severity for finding in inspect_quickly(with_planted_rows(tmp_path, rows))]
    assert severities == sorted(severities, key=("error", "warning", "info").index)
    assert {"error", "warning", "info"} == set(severities)


def test_finding_has_five_examples_and_all_rows(tmp_path: Path) -> None:
    (finding,) = found_by("too_short", inspect_quickly(with_planted_rows(tmp_path, [("?", "billing")] * 8)))
    assert (finding.count, len(finding.rows), len(finding.examples)) == (8, 8, 5)


def test_no_finding_shows_personal_data(tmp_path: Path) -> None:
    secret = "4111 1111 1111 1111"
    rows = [(f"Card {secret} was charged twice", "billing"), (f"card {secret} was charged twice", "how_to")]
    findings = inspect_quickly(with_planted_rows(tmp_path, rows))
    assert found_by("conflicting_labels", findings)
    assert secret not in str(findings)


def test_pairs_are_compared_by_both_texts(tmp_path: Path) -> None:
    pairs = [
        Example("Is it open?", "yes", "The shop opens at nine."),
        Example("Is it open?", "no", "The shop has moved away."),
        Example("Is it open?", "yes", "the shop opens at  nine."),
        Example("Is it open?", "yes", " "),
    ]
    findings = inspect_quickly(pairs)
    assert found_by("duplicates", findings)[0].rows == (3,)
    assert found_by("empty", findings)[0].rows == (4,)
    assert found_by("conflicting_labels", findings) == []


def test_multi_label_cells_are_split_into_labels(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    lines = [f"some words of text number {number},{'bug|billing' if number % 2 else 'bug'}" for number in range(40)]
    path.write_text("text,label\n" + "\n".join([*lines, "none of them applies,", "one of its own,rare|bug"]) + "\n")
    findings = inspect_quickly(read_rows(path, Columns(multi_label=True)), is_multi_label=True)
    assert found_by("empty", findings) == []
    assert [finding.rows for finding in found_by("few_rows", findings)] == [(42,)]
    assert found_by("few_rows", findings)[0].severity == "warning"


def test_file_without_texts_is_inspected() -> None:
    assert [finding.check for finding in inspect([Example("", None)] * 3, frozen=None)] == ["empty"]
