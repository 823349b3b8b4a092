"""`register`, `promote` and `rollback` say which labels came and went."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.ledger import Ledger
from core.package import MANIFEST, read_facts, write_facts, write_manifest
from core.records import FeedbackRecord
from tests.cli.conftest import Command
from tests.lifecycle.predictions import predicted

Named = Callable[..., Path]


@pytest.fixture
def named(tiny_package: Path, tmp_path: Path) -> Named:
    """Makes the tiny package with other names of its labels billing, bug and how_to: `named(billing="payments")`."""

    def make(**names: str) -> Path:
        folder = tmp_path / "-".join(["package", *names.values()])
        shutil.copytree(tiny_package, folder)
        facts = read_facts(folder)
        write_facts(folder, replace(facts, labels=[names.get(name, name) for name in facts.labels], golden=[]))
        (folder / MANIFEST).unlink()
        write_manifest(folder)
        return folder

    return make


def test_labels_that_came_and_went_are_told_with_a_rule_for_the_stored_ones(
    retune: Command, ledger: Ledger, home: Path, tiny_package: Path, named: Named
) -> None:
    retune("register", tiny_package, "--model", "m")
    retune("promote", "m@1")
    rows = predicted(ledger, 5)
    given = ["billing", "billing", "billing", "how_to", "bug"]
    ledger.record_feedback([FeedbackRecord(row.id, label) for row, label in zip(rows, given, strict=True)])
    other = named(billing="Billings", how_to="thanks")

    _, out, _ = retune("register", other, "--model", "m")
    assert "New labels, which m@1 does not have: 'Billings', 'thanks'." in out
    assert "Labels that m@1 has and this version does not: 'billing', 'how_to'." in out
    assert "3 labelled rows have the label 'billing'. If it is now called 'Billings': retune" in out
    assert "1 labelled row has the label 'how_to'. If it is no label any more: retune" in out

    _, out, _ = retune("promote", "m@2", "--json")
    assert json.loads(out)["labels"] == {
        "came": ["Billings", "thanks"],
        "gone": ["billing", "how_to"],
        "stored": {"billing": 3, "how_to": 1},
        "renamed": {"billing": "Billings"},
        "rules_known": True,
    }
    _, out, _ = retune("rollback", "m")
    assert "New labels, which m@2 does not have: 'billing', 'how_to'." in out
    assert f"To go forward again: retune --home {home} promote m@2" in out
    code, _, err = retune("rollback", "m")
    assert (code, "'retune promote NAME@VERSION' goes forward" in err) == (1, True)


def test_the_proposed_rule_can_be_pasted_and_ends_the_proposal(
    retune: Command, ledger: Ledger, home: Path, tiny_package: Path, named: Named
) -> None:
    retune("register", tiny_package, "--model", "m")
    ledger.record_feedback([FeedbackRecord(row.id, "billing") for row in predicted(ledger, 2)])
    _, out, _ = retune("register", named(billing="bill ing"), "--model", "m")
    proposed = next(line for line in out.splitlines() if "labels rename" in line).partition("retune ")[2]
    words = shlex.split(proposed)
    assert words[-3:] == ["m", "billing", "bill ing"]
    code, _, err = retune(*words[words.index("labels") :])
    assert (code, err) == (0, "")
    _, out, _ = retune("promote", "m@2", "--json")
    assert "labels" not in json.loads(out)


def test_a_proposed_rule_with_a_dash_can_be_pasted(
    retune: Command, ledger: Ledger, home: Path, tiny_package: Path, named: Named
) -> None:
    retune("register", named(billing="-x"), "--model", "m")
    ledger.record_feedback([FeedbackRecord(row.id, "-x") for row in predicted(ledger, 2)])
    _, out, _ = retune("register", tiny_package, "--model", "m")
    proposed = next(line for line in out.splitlines() if "labels retire" in line).partition("retune ")[2]
    words = shlex.split(proposed)
    code, _, err = retune(*words[words.index("labels") :])
    assert (code, err) == (0, "")


@pytest.mark.parametrize("version", ["1", "2"])
def test_nothing_is_told_when_the_labels_are_the_same(
    retune: Command, home: Path, tiny_package: Path, named: Named, version: str
) -> None:
    retune("register", tiny_package, "--model", "m")
    _, out, _ = retune("register", named(), "--model", "m", "--json")
    assert "labels" not in json.loads(out)
    retune("promote", "m@1")
    _, out, _ = retune("promote", f"m@{version}", "--json")
    assert "labels" not in json.loads(out)


def test_a_damaged_version_before_does_not_stop_a_promotion(
    retune: Command, home: Path, tiny_package: Path, named: Named
) -> None:
    retune("register", tiny_package, "--model", "m")
    retune("promote", "m@1")
    retune("register", named(how_to="thanks"), "--model", "m")
    [facts] = home.glob("registry/**/1/package.json")
    facts.write_text("{")
    code, out, _ = retune("promote", "m@2")
    assert (code, "m@2 is the champion." in out) == (0, True)
    assert "The labels cannot be compared with those before: Package" in out


def test_labels_that_resemble_one_new_label_are_merged_by_one_command(
    retune: Command, ledger: Ledger, home: Path, tiny_package: Path, named: Named
) -> None:
    retune("register", named(billing="invoices", bug="invoice s"), "--model", "m")
    given = ["invoices", "invoice s", "invoice s"]
    rows = predicted(ledger, 3)
    ledger.record_feedback([FeedbackRecord(row.id, label) for row, label in zip(rows, given, strict=True)])
    _, out, _ = retune("register", named(billing="invoice", bug="fault"), "--model", "m")
    proposed = next(line for line in out.splitlines() if "labels merge" in line)
    assert "3 labelled rows have the labels 'invoice s', 'invoices'. If they are now called 'invoice'" in proposed
    words = shlex.split(proposed.partition("retune ")[2])
    code, _, err = retune(*words[words.index("labels") :])
    assert (code, err) == (0, "")
    _, out, _ = retune("promote", "m@2", "--json")
    assert "labels" not in json.loads(out) or json.loads(out)["labels"]["stored"] == {}


def test_a_ledger_that_is_away_is_said(
    retune: Command, home: Path, tiny_package: Path, named: Named, monkeypatch: pytest.MonkeyPatch
) -> None:
    retune("register", tiny_package, "--model", "m")
    for path in home.glob("ledger.db*"):
        path.unlink()
    (home / "ledger.db").write_bytes(b"no database")
    code, out, _ = retune("register", named(how_to="thanks"), "--model", "m")
    assert code == 0
    assert "The ledger cannot be read: labels that a rule renames are listed" in out
