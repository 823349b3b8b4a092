"""`retune deploy` with a base model of two layers."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.context import Run
from cli.deploy.command import _standing, next_line
from core.config import Config
from core.datasets import Example, fingerprint, kept_dataset
from core.errors import DeployRunning, RetuneError
from core.home import Home
from core.home_processes.supervision import Supervision, supervising
from core.package import read_facts
from lifecycle.deploy.folder import deploy_folder
from lifecycle.deploy.parts import Parts, parted
from tests.cli.conftest import Command
from tests.tiny import tiny_rows, tiny_settings


@pytest.fixture
def rows_csv(tmp_path: Path) -> Path:
    return write(tmp_path / "my rows.csv", tiny_rows(300))


@pytest.fixture
def options(rows_csv: Path, tiny_base_model: Path) -> list[str | Path]:
    return ["deploy", rows_csv, "--model", "m", "--method", "features", "--base-model", tiny_base_model, "--json"]


def write(path: Path, rows: Sequence[Example]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((row.text, row.label) for row in rows)])
    return path


def answer(out: str) -> dict[str, Any]:
    [line] = out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


class Killed(BaseException):
    """Stands for `kill -9`: nothing handles it."""


@pytest.mark.slow
def test_a_file_becomes_a_served_model(retune: Command, options: list[str | Path], home: Path) -> None:
    code, out, err = retune(*options)
    assert code == 0, err
    told = answer(out)
    assert (told["model"], told["version"], told["champion"]) == ("m", "1", "1")
    assert list(told["seconds"]) == ["check", "finetune", "export", "register", "promote"]
    assert [line[:3] for line in err.splitlines() if line[1:3] == "/5"] == [f"{number}/5" for number in range(1, 6)]
    opened = Home(Config(home=home))
    lineage = read_facts(opened.registry.folder("m", "1")).lineage
    reference = kept_dataset(lineage.reference.fingerprint, opened.config.datasets)
    trained = [
        row.key
        for name in (lineage.data.train, lineage.data.validation)
        for row in kept_dataset(name, opened.config.datasets)
    ]
    assert len(reference) == told["reference_rows"] >= 50
    assert not {row.key for row in reference} & set(trained)
    assert len(reference) + len(trained) == 300
    assert opened.ledger.promotions("m")[0].reason == "Promoted by 'retune deploy'."
    again = answer(retune(*options)[1])
    assert (again["version"], again["champion"]) == ("1", "1")
    assert list(again["seconds"]) == ["check", "register", "promote"]
    opened.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "place",
    [
        "finetune.run.write_checkpoint",
        "export.run.write_package",
        "core.store.Store.add_folder",
        "core.registry.utc_now",
    ],
)
def test_a_killed_deployment_leaves_nothing_half_done_and_goes_on(
    retune: Command, options: list[str | Path], home: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(place, kill)
        with pytest.raises(Killed):
            retune(*options)
    registry = Home(Config(home=home)).registry
    assert registry.pointer("m") is None
    code, out, err = retune(*options)
    assert code == 0, err
    assert (answer(out)["version"], registry.versions("m"), registry.champion("m").version) == ("1", ["1"], "1")
    assert sorted(path.name for path in (home / "deploy").glob("*/*")) == ["lock", "version.json"]


@pytest.mark.slow
def test_the_rung_that_is_asked_for_is_packed(retune: Command, options: list[str | Path], home: Path) -> None:
    code, out, err = retune(*options, "--rung", "int8-dynamic")
    assert code == 0, err
    assert (answer(out)["version"], answer(out)["rung"]) == ("1", "int8-dynamic")
    again = answer(retune(*options, "--rung", "fp32", "--replace")[1])
    assert (again["version"], again["rung"]) == ("2", "fp32")


@pytest.mark.slow
def test_an_unknown_rung_is_refused_before_the_training(retune: Command, options: list[str | Path], home: Path) -> None:
    code, out, err = retune(*options, "--rung", "int4")
    assert code == 1, err
    assert "'int4'" in answer(out)["error"]["message"]
    assert not list((home / "deploy").glob("*"))


@pytest.mark.slow
def test_a_champion_is_replaced_only_if_it_is_said(
    retune: Command, options: list[str | Path], home: Path, tiny_package: Path, tiny_checkpoint: Path
) -> None:
    opened = Home(Config(home=home))
    shutil.copytree(tiny_checkpoint.parent / "datasets", opened.config.datasets)
    opened.registry.promote("m", opened.registry.add(tiny_package, "m"))
    code, out, err = retune(*options)
    assert code == 3, err
    assert "m@1 is in service, and goes on answering." in err
    assert (answer(out)["version"], answer(out)["champion"]) == ("2", "1")
    assert opened.registry.champion("m").version == "1"
    code, out, err = retune(*options, "--replace")
    assert code == 0, err
    assert "m@1 is in service, and is replaced at the end" in err
    assert opened.registry.champion("m").version == "2"
    opened.close()


def test_rows_that_a_training_refuses_stop_it(retune: Command, tmp_path: Path, home: Path) -> None:
    data = write(tmp_path / "my rows.csv", [*tiny_rows(30), Example("", "bug"), Example("words", "")])
    code, out, err = retune("deploy", data, "--model", "m")
    assert code == 3
    assert "empty: 2 rows without a text or a label" in err
    fixed = tmp_path / "my rows-fixed.csv"
    assert f"To remove the rows: retune --home {home} check '{data}' --fix '{fixed}'" in out
    assert not home.exists()
    assert answer(retune("deploy", data, "--model", "m", "--json")[1])["version"] is None
    assert retune("check", data, "--fix", fixed, "--quick")[0] == 0
    assert len(fixed.read_text().splitlines()) == 31


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--model", "a b"], ["'a b'", "letters, digits"]),
        (["--model", "m", "--text-column", "txt"], ["txt", "--text-column"]),
        (["--model", "m", "--base-model", "org/model"], ["org/model", "revision"]),
        (["--model", "m", "--budget", "soon"], ["'soon'", "10m"]),
        (["--model", "m", "--reference", "none.csv"], ["none.csv"]),
    ],
)
def test_what_a_later_step_would_refuse_is_said_before_any(
    retune: Command, rows_csv: Path, home: Path, words: list[str], parts: list[str]
) -> None:
    code, _, err = retune("deploy", rows_csv, *words)
    assert code == 1
    assert all(part in err for part in parts), err
    assert not (home / "deploy").exists()


def test_another_task_than_that_of_the_model_is_refused_at_once(
    retune: Command, rows_csv: Path, home: Path, tiny_package: Path
) -> None:
    Home(Config(home=home)).registry.add(tiny_package, "m")
    code, _, err = retune("deploy", rows_csv, "--model", "m", "--multi-label")
    assert code == 1
    assert "any number of labels" in err


@pytest.mark.parametrize("words", [["--up", "--json"], ["--port", "4000"]])
def test_options_that_contradict_are_wrong_usage(retune: Command, rows_csv: Path, words: list[str]) -> None:
    assert retune("deploy", rows_csv, "--model", "m", *words)[0] == 2


def test_the_reference_has_enough_rows_for_a_check_but_at_most_a_quarter() -> None:
    for count, wanted in ((60, 15), (300, 75), (500, 100), (1_000, 150)):
        found = parted(tiny_rows(count), "single-label", least=100, seed=0)
        assert len(found.reference) == pytest.approx(wanted, abs=3)  # each of 3 labels is rounded down
        assert fingerprint([*found.train, *found.reference]) == fingerprint(tiny_rows(count))


def test_the_same_rows_are_deployed_once_at_a_time(tmp_path: Path, tiny_base_model: Path) -> None:
    home, settings, rows = Home(Config(home=tmp_path)), tiny_settings(tiny_base_model), tiny_rows(30)
    parts = Parts(rows[:20], rows[20:])
    with (
        deploy_folder(home, "m", parts, settings) as folder,
        pytest.raises(DeployRunning, match=str(folder.path)),
        deploy_folder(home, "m", parts, settings),
    ):
        pass
    with deploy_folder(home, "m", parts, settings) as again:
        assert again.path == folder.path


def test_a_deployment_removes_earlier_ones_that_ended(tmp_path: Path, tiny_base_model: Path) -> None:
    home, settings, rows = Home(Config(home=tmp_path)), tiny_settings(tiny_base_model), tiny_rows(30)
    with deploy_folder(home, "m", Parts(rows[:20], rows[20:]), settings) as ended:
        ended.note_version("1")
    with pytest.raises(RetuneError), deploy_folder(home, "m", Parts(rows[:18], rows[20:]), settings) as stopped:
        raise RetuneError("stopped")
    assert ended.path.exists()
    with deploy_folder(home, "m", Parts(rows[:10], rows[20:]), settings):
        pass
    assert not ended.path.exists()
    assert stopped.path.exists()


def test_what_comes_next_depends_on_what_runs(home: Path) -> None:
    run = Run(None, str(home))
    assert next_line(run) == f"Next: retune --home {home} up"
    told = _standing(run, "m@1", seconds=9.2, is_up=False)
    assert told == "m@1 is ready, after 9 s; no server runs yet to answer with it."
    assert _standing(run, "m@1", seconds=9.2, is_up=True) == "m@1 is in service, after 9 s."
    with supervising(home, Supervision.of_this_process("http://127.0.0.1:3000")):
        assert next_line(run).startswith("'retune up' answers with it on http://127.0.0.1:3000.")
        assert _standing(run, "m@1", seconds=9.2, is_up=False) == "m@1 is in service, after 9 s."
