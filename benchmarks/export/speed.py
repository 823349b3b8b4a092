"""The packaged rung, fused fp32 and transformers' `pipeline`, one thread each, on the same texts, in turns.

python benchmarks/export/speed.py [banking77 clinc150 sms_spam multi_label]
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch  # after the number of threads
from models import HERE, ROOT, checkpoint, packaged, parts, retune

sys.path.insert(0, str(ROOT))

from core.engine import Engine

TEXTS, ROUNDS = 800, 5
NAMES = ("banking77", "clinc150", "sms_spam", "multi_label")
RESULTS = HERE / "speed.jsonl"

Answer = Callable[[Sequence[str]], Any]


def main() -> None:
    entries = {entry["model"]: entry for entry in results()}
    for name in sys.argv[1:] or NAMES:
        entries[name] = compared(name)
        sys.stdout.write(json.dumps(entries[name]) + "\n")
        sys.stdout.flush()
        RESULTS.write_text("".join(json.dumps(entry) + "\n" for entry in entries.values()), encoding="utf-8")


def results() -> list[dict[str, Any]]:
    """What was measured before, a line a model."""
    return [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()] if RESULTS.is_file() else []


def compared(name: str) -> dict[str, Any]:
    torch.set_num_threads(1)
    folders = {"packaged": packaged(name, anew=True), "fp32": packaged(name, rung="fp32", anew=True)}
    texts = [row["text"] for row in parts(name)[1]][:TEXTS]
    engines = {side: Engine(folder, threads=1) for side, folder in folders.items()}
    sides: dict[str, Answer] = {side: engine.answer for side, engine in engines.items()}
    speeds = measured(sides | pipelines(checkpoint(name), len(engines["fp32"].labels)), texts)
    best = max(value for side, value in speeds.items() if side.startswith("pipeline"))
    return {
        "model": name,
        "tokens_a_text": round(statistics.mean(item.tokens for item in engines["fp32"].encode(texts)), 1),
        "texts_per_s": {side: round(value, 1) for side, value in speeds.items()},
        "against_fp32": round(speeds["packaged"] / speeds["fp32"], 2),
        "against_pipeline": round(speeds["packaged"] / best, 2),
        "test": {side: judged(name, folder) for side, folder in folders.items()},
        **json.loads((folders["packaged"] / "rungs.json").read_text(encoding="utf-8")),
    }


def measured(sides: dict[str, Answer], texts: Sequence[str]) -> dict[str, float]:
    """Texts a second: the median of the rounds, in which every side has its turn."""
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side, answer in sides.items():
            started = time.perf_counter()
            answer(texts)
            seconds[side].append(time.perf_counter() - started)
    return {side: len(texts) / statistics.median(values) for side, values in seconds.items()}


def pipelines(source: Path, labels: int) -> dict[str, Answer]:
    """transformers' own way from texts to labels: the same encoder with a head of the same size, whose weights do not
    matter for its speed; one text at a time, and in batches of 32.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=labels, dtype=torch.float32)
    classify = pipeline("text-classification", model=model, tokenizer=AutoTokenizer.from_pretrained(source), device=-1)
    return {
        f"pipeline, batches of {size}": partial(_listed, partial(classify, batch_size=size, truncation=True))
        for size in (1, 32)
    }


def _listed(answer: Answer, texts: Sequence[str]) -> Any:
    return answer(list(texts))


def judged(name: str, folder: Path) -> dict[str, float]:
    """On rows which had no part in the choice."""
    metrics = retune(name, "evaluate", folder.name, "--data", "judge.csv")
    return {metric: metrics[metric] for metric in ("accuracy", "macro_f1", "expected_calibration_error")}


if __name__ == "__main__":
    main()
