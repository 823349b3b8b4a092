import json
from pathlib import Path

import numpy as np
import pytest

from core.checkpoint import TRAINING, digest_of, read_training
from core.datasets import Example
from core.engine import Engine
from core.errors import CorruptCheckpoint, NoRows, TargetExists, UnknownRung
from core.package import GRAPH, MANIFEST, MEASURED, read_facts, read_reference, verify_files
from core.verification import verify_package
from export.ladder import RUNGS
from export.run import export
from export.settings import ExportSettings
from finetune.checkpoint import predict_checkpoint

SETTINGS = ExportSettings(max_drop=0.005, min_agreement=0.985)


def test_package_answers_as_the_checkpoint_does(
    tiny_package: Path, tiny_checkpoint: Path, tiny_validation: list[Example]
) -> None:
    texts = [example.text for example in tiny_validation]
    answers = Engine(tiny_package).answer(texts)
    logits, probabilities = predict_checkpoint(tiny_checkpoint, texts)
    np.testing.assert_allclose(answers.probabilities, probabilities, atol=1e-3)
    assert np.abs(answers.logits - logits).max() <= 1e-3 * np.abs(logits).max()
    np.testing.assert_allclose(np.linalg.norm(answers.embeddings, axis=1), 1, atol=1e-5)


def test_package_is_verified_and_records_its_lineage(tiny_package: Path, tiny_checkpoint: Path) -> None:
    assert verify_files(tiny_package)
    facts, training = read_facts(tiny_package), read_training(tiny_checkpoint)
    assert facts.labels == training.labels
    assert facts.temperature == training.temperature
    assert facts.lineage.checkpoint == digest_of(training)
    assert facts.lineage.data == training.data
    assert facts.lineage.rung_chosen_by == "request"
    assert facts.metrics["served_accuracy"] == facts.metrics["fp32_accuracy"]
    assert facts.metrics["validation"]["rows"] == training.data.validation_rows


def test_golden_answers_are_those_of_the_package(tiny_package: Path) -> None:
    engine = Engine(tiny_package)
    assert len(engine.facts.golden) == 3
    for entry in engine.facts.golden:
        probabilities = engine.answer([entry["text"]]).probabilities[0]
        assert entry["label"] == engine.labels[int(probabilities.argmax())]
        assert list(entry["scores"].values()) == pytest.approx(probabilities.tolist(), abs=1e-4)


def test_reference_defaults_to_the_validation_rows(tiny_package: Path, tiny_validation: list[Example]) -> None:
    reference = read_reference(tiny_package)
    assert reference.rows == len(tiny_validation)
    assert reference.truth.min() >= 0


def test_given_reference_may_have_missing_and_unknown_labels(
    tiny_checkpoint: Path, tiny_validation: list[Example], tmp_path: Path
) -> None:
    given = [Example("invoice please", "billing"), Example("no label"), Example("another one", "unseen label")]
    export(tiny_checkpoint, out=tmp_path / "p", validation=tiny_validation, reference=given, settings=SETTINGS)
    assert read_reference(tmp_path / "p").truth.tolist() == [0, -1, -1]


def test_a_text_is_in_the_reference_once_with_its_last_label(
    tiny_checkpoint: Path, tiny_validation: list[Example], tmp_path: Path
) -> None:
    given = [Example("invoice please", "bug"), Example("no label"), *[Example(" Invoice  please", "billing")] * 50]
    export(tiny_checkpoint, out=tmp_path / "p", validation=tiny_validation, reference=given, settings=SETTINGS)
    assert read_reference(tmp_path / "p").truth.tolist() == [0, -1]


def test_export_prints_nothing_and_writes_no_other_files(
    tiny_checkpoint: Path, tiny_validation: list[Example], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stages: list[tuple[str, float]] = []
    result = export(
        tiny_checkpoint,
        out=tmp_path / "p",
        validation=tiny_validation,
        settings=SETTINGS,
        on_progress=lambda stage, share: stages.append((stage, share)),
    )
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["p"]
    assert stages == sorted(stages, key=lambda entry: entry[1])
    assert sorted([*(entry.name for entry in result.rungs), *result.not_built]) == sorted(RUNGS)
    assert result.digest == verify_files(tmp_path / "p")


def test_golden_answers_of_a_dynamic_rung_are_those_of_single_texts(
    tiny_checkpoint: Path, tiny_validation: list[Example], tmp_path: Path
) -> None:
    out = tmp_path / "p"
    export(tiny_checkpoint, out=out, validation=tiny_validation, settings=SETTINGS, rung="int8-dynamic")
    engine = Engine(out)
    for entry in engine.facts.golden:
        alone = engine.answer([entry["text"]]).probabilities[0]
        assert list(entry["scores"].values()) == pytest.approx(alone.tolist(), abs=1e-5)
    assert verify_package(out, tolerance=1e-5) <= 1e-5


@pytest.mark.parametrize("rung", ["fp32", "int8-static"])
def test_equal_checkpoints_and_settings_give_equal_hashes(
    rung: str, tiny_checkpoint: Path, tiny_validation: list[Example], tmp_path: Path
) -> None:
    manifests = []
    for name in ("one", "two"):
        export(tiny_checkpoint, out=tmp_path / name, validation=tiny_validation, settings=SETTINGS, rung=rung)
        assert str(tmp_path).encode() not in (tmp_path / name / GRAPH).read_bytes()
        manifests.append(json.loads((tmp_path / name / MANIFEST).read_text()))
    one, two = ({name: facts for name, facts in found["files"].items() if name not in MEASURED} for found in manifests)
    assert one == two
    assert manifests[0]["digest"] == manifests[1]["digest"]


def test_package_contains_the_rungs_as_json_and_html(
    tiny_checkpoint: Path, tiny_validation: list[Example], tmp_path: Path
) -> None:
    export(tiny_checkpoint, out=tmp_path / "p", validation=tiny_validation, settings=SETTINGS)
    table = json.loads((tmp_path / "p" / "rungs.json").read_text())
    by_name = {entry["name"]: entry for entry in table["rungs"]}
    assert table["packaged"] == "fp32"
    assert "30 labelled rows are too few" in by_name["int8-static"]["why"]
    assert "no GPU" in table["not_built"]["cuda-fp16"]
    assert min(by_name["fp32"][key] for key in ("texts_per_s", "latency_ms_p95", "startup_s", "resident_mb")) > 0
    page = (tmp_path / "p" / "rungs.html").read_text()
    assert all(f'<td class="name">{name}</td>' in page for name in [*by_name, *table["not_built"]])
    assert page.count('<g class="dot ') == len(by_name)
    assert "http" not in page.replace("http-equiv", "")


def test_unknown_rung_is_refused(tiny_checkpoint: Path, tiny_validation: list[Example], tmp_path: Path) -> None:
    with pytest.raises(UnknownRung, match="int8-static"):
        export(tiny_checkpoint, out=tmp_path / "p", validation=tiny_validation, settings=SETTINGS, rung="int2")


def test_existing_target_is_refused(tiny_checkpoint: Path, tiny_package: Path) -> None:
    with pytest.raises(TargetExists):
        export(tiny_checkpoint, out=tiny_package, validation=[], settings=SETTINGS)


def test_no_validation_rows_are_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(NoRows, match="validation"):
        export(tiny_checkpoint, out=tmp_path / "p", validation=[], settings=SETTINGS)


def test_damaged_checkpoint_writes_no_package(
    tiny_checkpoint: Path, tiny_validation: list[Example], tmp_path: Path
) -> None:
    damaged = tmp_path / "checkpoint"
    damaged.mkdir()
    for path in tiny_checkpoint.iterdir():
        (damaged / path.name).write_bytes(path.read_bytes())
    training = json.loads((damaged / TRAINING).read_text())
    training["files"]["model.safetensors"] = "0" * 64
    (damaged / TRAINING).write_text(json.dumps(training))
    with pytest.raises(CorruptCheckpoint, match=r"model\.safetensors"):
        export(damaged, out=tmp_path / "p", validation=tiny_validation, settings=SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
