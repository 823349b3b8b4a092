"""Every wrong input exits 1 with one sentence that says what is wrong and what to do, without a traceback."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core.config import Config, load_config
from core.registry import open_registry
from tests.cli.conftest import Command, Result


def assert_error(result: Result, *parts: str) -> None:
    code, out, err = result
    assert code == 1
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("Error: ")
    for part in parts:
        assert part in err


def write(folder: Path, content: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("body,label\na,x\nb,y\n", ("no column 'text'", "--text-column")),
        ("text,intent\na,x\nb,y\n", ("no column 'label'", "--label-column")),
        ("text,label\n", ("no rows",)),
        ("", ("no rows",)),
        ("text,label\na,x\nb,x\nc,x\n", ("1 label (x)", "at least two")),
        ("text,label\na,x\nc,y\n", ("'x' has 1 row", "at least 2")),
        (b"text,label\n\xff\xfe\xfa,x\n", ("cannot be read", "UTF-8")),
        ("text,label\n ,x\n", ("Row 1", "has no text")),
        ("texts,label\na,x\nb,y\n", ("no column 'text'", "Did you mean 'texts'?")),
    ],
)
def test_finetune_refuses_invalid_rows(
    retune: Command, tmp_path: Path, content: str | bytes, parts: tuple[str]
) -> None:
    assert_error(retune("finetune", "--data", write(tmp_path, content), "--out", tmp_path / "out"), *parts)
    assert not (tmp_path / "out").exists()


def test_the_error_names_a_wrong_path(retune: Command, tmp_path: Path) -> None:
    assert_error(
        retune("finetune", "--data", tmp_path / "no.csv", "--out", tmp_path / "out"), "no.csv", "Check the path"
    )


def test_a_folder_with_content_is_not_overwritten(retune: Command, tmp_path: Path) -> None:
    data = write(tmp_path, "text,label\n" + "".join(f"a {n},x\nb {n},y\n" for n in range(9)))
    assert_error(retune("finetune", "--data", data, "--out", tmp_path), "not empty")


def test_the_error_names_an_invalid_duration_and_base_model(retune: Command, tmp_path: Path) -> None:
    data = write(tmp_path, "text,label\n" + "".join(f"a {n},x\nb {n},y\n" for n in range(9)))
    out = tmp_path / "out"
    assert_error(retune("finetune", "--data", data, "--out", out, "--budget", "soon"), "'soon'", "10m")
    assert_error(retune("finetune", "--data", data, "--out", out, "--base-model", "org/model"), "org/model", "revision")
    assert_error(retune("finetune", "--data", data, "--out", out, "--base-model", tmp_path), str(tmp_path))


def test_a_path_that_cannot_be_written_is_an_error_before_the_training(retune: Command, tmp_path: Path) -> None:
    data = write(tmp_path, "text,label\n" + "".join(f"a {n},x\nb {n},y\n" for n in range(9)))
    assert_error(retune("finetune", "--data", data, "--out", data / "out"), "data.csv/out cannot be written")


def test_unknown_config_key_suggests_the_known_key(retune: Command, tmp_path: Path) -> None:
    write(tmp_path, "[service]\nprot = 1\n", "retune.toml")
    assert_error(retune("versions", "m"), "service.prot", "service.port")
    write(tmp_path, "[service.limits.sms]\nmax_itms = 1\n", "retune.toml")
    assert_error(retune("versions", "m"), "service.limits.sms.max_itms", "Did you mean 'service.limits.sms.max_items'?")


def test_the_error_for_a_missing_champion_lists_the_versions(retune: Command, home: Path, tiny_package: Path) -> None:
    assert retune("register", tiny_package, "--model", "m")[0] == 0
    assert_error(retune("predict", "hello", "--model", "m"), "no champion yet", "m@1", "retune promote")
    assert_error(retune("predict", "hello", "--model", "other"), "No model 'other'", "m")
    assert_error(retune("promote", "m@7"), "no version '7'", "1")
    assert_error(retune("promote", "m"), "NAME@VERSION")
    assert_error(retune("rollback", "m"), "no champion yet")
    assert_error(retune("retrain", "m"), "no champion yet")


def test_corrupt_package_is_refused_and_the_champion_stays(
    retune: Command, home: Path, tmp_path: Path, tiny_package: Path
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny_package, damaged)
    graph = bytearray((damaged / "model.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (damaged / "model.onnx").write_bytes(graph)
    assert_error(retune("register", damaged, "--model", "m"), "model.onnx differs", "retune export")
    assert open_registry(Config(home=home)).versions("m") == []


def test_a_registered_version_that_was_damaged_is_not_promoted(retune: Command, home: Path, tiny_package: Path) -> None:
    retune("register", tiny_package, "--model", "m")
    (home / "registry" / "m" / "versions" / "1" / "tokenizer.json").write_text("{}")
    assert_error(retune("promote", "m@1"), "tokenizer.json differs")
    assert open_registry(Config(home=home)).pointer("m") is None


def test_the_error_names_a_missing_package(retune: Command, tmp_path: Path) -> None:
    assert_error(retune("register", tmp_path / "nothing", "--model", "m"), "No package at", "nothing", "Check the path")
    assert_error(retune("verify", tmp_path / "nothing"), "No package at", "nothing", "Check the path")
    assert_error(
        retune("export", tmp_path / "nothing", "--out", tmp_path / "out"), "No checkpoint at", "Check the path"
    )


def test_the_error_names_an_invalid_model_name(retune: Command, tiny_package: Path) -> None:
    assert_error(retune("register", tiny_package, "--model", "../up"), "'../up'", "letters")


def test_the_error_names_a_port_in_use(retune: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = retune("serve", "--port", port)
    assert code == 1
    assert f"Port {port}" in err
    assert "--port" in err


def test_a_missing_tls_file_is_an_error_before_the_start(retune: Command) -> None:
    assert_error(
        retune("serve", "--tls-certificate", "missing.pem", "--tls-key", "missing.key"), "missing.pem", "Check the path"
    )
    assert_error(retune("serve", "--tls-key", "missing.key"), "service.tls_certificate")


def test_wrong_usage_exits_2(retune: Command) -> None:
    assert retune("finetune")[0] == 2
    assert retune("no-such-command")[0] == 2


def test_json_is_one_object_on_stdout(retune: Command, tiny_package: Path) -> None:
    code, out, _ = retune("register", tiny_package, "--model", "m", "--json")
    assert (code, json.loads(out)) == (0, {"model": "m", "version": "1", "champion": None, "checkpoint_kept": False})


def test_registering_the_same_package_twice_is_one_version(retune: Command, tiny_package: Path) -> None:
    versions = [json.loads(retune("register", tiny_package, "--model", "m", "--json")[1])["version"] for _ in range(2)]
    assert versions == ["1", "1"]


def test_predict_answers_with_the_champion(retune: Command, tiny_package: Path) -> None:
    retune("register", tiny_package, "--model", "m")
    assert json.loads(retune("promote", "m@1", "--json")[1]) == {
        "model": "m",
        "version": "1",
        "champion": "1",
        "forced": False,
    }
    answer = json.loads(retune("predict", "one text", "another", "--model", "m", "--json")[1])
    assert answer["version"] == "1"
    assert [set(item) for item in answer["predictions"]] == [
        {"label", "score", "scores", "truncated", "all_unknown", "abstained"}
    ] * 2


def test_an_empty_text_is_an_error(retune: Command, tiny_package: Path) -> None:
    retune("register", tiny_package, "--model", "m")
    retune("promote", "m@1")
    assert_error(retune("predict", "one text", " ", "--model", "m"), "Text 2 is empty")


def test_labels_need_their_columns_and_a_known_model(retune: Command, tmp_path: Path, tiny_package: Path) -> None:
    file = write(tmp_path, "id,label\n1,x\n")
    retune("register", tiny_package, "--model", "m")
    assert_error(
        retune("labels", "import", "m", file), "the columns id, label", "'prediction_id'", "'retune labels add'"
    )
    assert_error(retune("labels", "import", "n", file), "No model 'n'", "m")
    assert_error(retune("labels", "export", "n"), "No model 'n'", "m")


def test_init_writes_a_valid_config_and_never_overwrites_one(retune: Command, tmp_path: Path) -> None:
    assert retune("init", tmp_path)[0] == 0
    assert retune("doctor", "--json")[0] == 0
    assert_error(retune("init", tmp_path), "retune.toml", "exists already")


def test_the_config_of_init_contains_the_defaults(retune: Command, tmp_path: Path) -> None:
    retune("init", tmp_path)
    path = tmp_path / "retune.toml"
    path.write_text(re.sub(r"^# (\w+ = \S)", r"\1", path.read_text(), flags=re.MULTILINE))
    assert "\nmax_items = 256" in path.read_text()
    assert load_config(path, environment={}) == Config()


def test_doctor_reports_a_missing_default_model(retune: Command, tmp_path: Path) -> None:
    write(tmp_path, '[service]\ndefault_model = "missing"\n', "retune.toml")
    code, out, _ = retune("doctor")
    assert code == 3
    assert "No model 'missing'" in out


def test_doctor_names_tables_of_models_that_the_registry_does_not_know(
    retune: Command, tiny_package: Path, tmp_path: Path
) -> None:
    retune("register", tiny_package, "--model", "m")
    tables = (
        '[policy.models.m]\nmode = "auto"\n[policy.models.tickts]\nmode = "auto"\n[service.limits.k]\nmax_items = 3\n'
    )
    write(tmp_path, tables, "retune.toml")
    code, out, _ = retune("doctor")
    assert code == 0
    assert "policy.models.tickts, service.limits.k: the registry has no such model" in out
    assert "policy.models.m" not in out


def test_a_retrain_with_other_options_than_the_queued_one_is_refused(retune: Command, tiny_package: Path) -> None:
    retune("register", tiny_package, "--model", "m")
    retune("promote", "m@1")
    assert_error(retune("retrain", "m", "--budget", "soon"), "'soon'", "10m")
    assert retune("retrain", "m", "--method", "features")[0] == 0
    assert retune("retrain", "m")[0] == 0
    assert_error(retune("retrain", "m", "--method", "full"), "Job 1 (retrain m) is queued", "method features")


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        (("predict", "hello", "--model", "m"), 1, "not_found"),
        (("versions",), 2, "usage"),
        (("export", "no-checkpoint", "--out", "out"), 1, "not_found"),
        (("labels", "export", "m", "--out", "/"), 1, "not_found"),
    ],
)
def test_with_json_an_error_is_an_object_on_stdout(
    retune: Command, words: tuple[str, ...], exit_code: int, code: str
) -> None:
    found, out, err = retune(*words, "--json")
    error = json.loads(out)["error"]
    assert (found, error["code"], set(error)) == (exit_code, code, {"code", "message"})
    assert error["message"] in err.replace("\n", " ")
    assert retune(*words)[1] == ""


def test_a_system_error_and_a_bug_have_codes(
    retune: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_package: Path
) -> None:
    retune("register", tiny_package, "--model", "m")
    code, out, _ = retune("labels", "export", "m", "--json", "--out", tmp_path)
    assert (code, json.loads(out.splitlines()[-1])["error"]["code"]) == (1, "system")
    monkeypatch.setattr("core.registry.Registry.models", lambda _: 1 / 0)
    code, out, _ = retune("doctor", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (1, "internal")


def test_json_after_two_dashes_is_a_text(retune: Command) -> None:
    assert_error(retune("predict", "--model", "m", "--", "--json"), "No model 'm'")


def test_a_checkpoint_and_a_package_are_told_apart(
    retune: Command, tmp_path: Path, tiny_checkpoint: Path, tiny_package: Path
) -> None:
    assert_error(retune("report", tiny_package), "it is a package", "'retune finetune'")
    assert_error(retune("export", tmp_path, "--out", tmp_path / "out"), "without training.json", "'retune finetune'")
    hint = f"--home {tmp_path / 'home'} export {tiny_checkpoint} --out PACKAGE"
    assert_error(retune("register", tiny_checkpoint, "--model", "m"), "is a checkpoint", hint)
    assert_error(retune("verify", tiny_checkpoint), "is a checkpoint", hint)


def test_an_existing_file_is_not_called_a_folder(retune: Command, tmp_path: Path, tiny_package: Path) -> None:
    retune("register", tiny_package, "--model", "m")
    retune("promote", "m@1")
    rows, out = write(tmp_path, "text\nhello\n"), write(tmp_path, "x", "out.csv")
    assert_error(retune("score", rows, "--model", "m", "--out", out), "out.csv exists already. Name another file")


def test_hints_can_be_pasted(retune: Command, tmp_path: Path, tiny_package: Path) -> None:
    folder = tmp_path / "my package's home"
    shutil.copytree(tiny_package, folder)
    options = ["--config", "/dev/null", "--home", str(tmp_path / "a home")]
    _, out, _ = retune(*options, "register", folder.name, "--model", "m")
    assert shlex.split(out.splitlines()[-1]) == ["Next:", "retune", *options, "promote", "m@1"]
    _, out, _ = retune("init", tmp_path / "a b")
    assert f"Next: cd '{tmp_path / 'a b'}' && retune deploy" in out


@pytest.mark.parametrize(
    "words",
    [
        ("finetune", "--data", "rows.csv", "--out", "full"),
        ("finetune", "--data", "rows.csv", "--out", "out", "--base-model", "org/model"),
        ("finetune", "--data", "rows.csv", "--out", "out", "--primary-metric", "auc"),
        ("finetune", "--data", "one.csv", "--out", "out"),
        ("finetune", "--data", "no.csv", "--out", "out"),
        ("check", "rows.csv", "--base-model", "org/model"),
        ("report", "full"),
        ("export", "full", "--out", "out"),
        ("demo", "--budget", "soon"),
        ("demo", "--train", "no.csv"),
        ("worker", "--once"),
        ("monitor", "--once"),
        ("drift", "--model", "m", "--file", "no.csv"),
        ("serve", "--host", ""),
    ],
)
def test_wrong_input_is_refused_before_imports_that_take_seconds(tmp_path: Path, words: tuple[str, ...]) -> None:
    write(tmp_path, "text,label\n" + "".join(f"a {n},x\nb {n},y\n" for n in range(9)), "rows.csv")
    write(tmp_path, "text,label\na,x\nb,x\n", "one.csv")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    program = (
        "import sys\nfrom cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    print(*{'torch', 'evidently', 'bentoml'}.intersection(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (1, ""), done.stderr
    assert done.stderr.startswith("Error: ")
