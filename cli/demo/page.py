"""The demo's page: learning curve, drift picture, accuracy before and after. One file, no network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import log10
from pathlib import Path
from typing import Any

from cli.demo.svg import bars, dots, lines

History = list[dict[str, Any]]

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #66707f; --line: #d8dde5; --old: #8a97a8; --new: #1f7a5c;
  --bad: #b4452f; --page: #fbfbf9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa4b2; --line: #39424f; --old: #7d8999;
  --new: #4cc29a; --bad: #e07a63; --page: #14181e; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 46rem;
  margin: 2.5rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem }
p { margin: .4rem 0 } .soft { color: var(--soft) } svg { width: 100%; height: auto; display: block }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif } svg .soft { fill: var(--soft) }
table { border-collapse: collapse; width: 100%; font-size: .92rem } td, th { text-align: left; padding: .35rem .6rem
  .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top } td.n { text-align: right;
  font-variant-numeric: tabular-nums }
"""


def write_page(path: Path, result: dict[str, Any], histories: dict[str, History]) -> Path:
    """Write the page of a demo's result; `histories` holds the training histories by name."""
    sections = [
        _headline(result),
        "<h2>Accuracy before and after</h2>" + _accuracy(result),
        "<h2>Drift</h2>" + _drift(result),
        "<h2>Learning curve</h2>" + _learning(histories),
        "<h2>Gate</h2>" + _gate(result),
        "<h2>Seconds</h2>" + _seconds(result["seconds"]),
    ]
    title = "Retune: what the demo did"
    head = f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title>"
    viewport = "<meta name='viewport' content='width=device-width, initial-scale=1'>"
    body = "".join(sections)
    path.write_text(f"{head}{viewport}<style>{STYLE}</style><h1>{title}</h1>{body}</html>\n", encoding="utf-8")
    return path


def _headline(result: dict[str, Any]) -> str:
    fresh, swap = result["fresh_accuracy"], result["requests_during_swap"]
    if not result["promoted"]:
        return f"<p>No new version was put in service. Decision: <b>{escape(result['decision'])}</b>.</p>"
    return (
        f"<p>With {result['labels_used']} labels, accuracy on fresh rows went from {fresh['before']:.1%} to "
        f"<b>{fresh['after']:.1%}</b>; {swap['sent']} requests were answered meanwhile, {swap['failed']} failed.</p>"
    )


def _accuracy(result: dict[str, Any]) -> str:
    rows = [
        (f"{name} rows, {when}", result[f"{name}_accuracy"][when], "var(--old)" if when == "before" else "var(--new)")
        for name in ("fresh", "old")
        for when in ("before", "after")
    ]
    return bars(rows)


def _drift(result: dict[str, Any]) -> str:
    checks = {"reference": result["reference_check"], "fresh": result["fresh_check"]}
    colours = {"reference": "var(--old)", "fresh": "var(--bad)"}
    series = {
        name: [(item["feature"], -log10(item["p_value"]), colours[name]) for item in check["evidence"]]
        for name, check in checks.items()
    }
    sentences = "".join(
        f"<tr><td>{escape(item['feature'])}<td>{escape(item['detail'])}<td class=n>{item['p_value']:.3g}</tr>"
        for item in result["fresh_check"]["evidence"]
    )
    legend = "<p class=soft>Evidence against chance, −log₁₀ p: grey the old kind of traffic, red the fresh one.</p>"
    table = f"<table><tr><th>Feature</th><th>Fresh against reference</th><th>p</th></tr>{sentences}</table>"
    return dots(series) + legend + table


def _learning(histories: dict[str, History]) -> str:
    return "".join(_curve(name, history) for name, history in histories.items())


def _curve(name: str, history: History) -> str:
    """Validation accuracy and log loss after each step: heads from stiff to loose, then epochs."""
    history = [entry for entry in history if entry["step"] != "interpolation"]
    heads = sum(entry["step"] == "head" for entry in history)
    epochs = len(history) - heads
    steps = f"{heads} heads on frozen features" + (f", then {epochs} epochs of fine-tuning" if epochs else "")
    series = {
        f"validation {key.removeprefix('validation_')}": [
            (float(index), float(entry[key])) for index, entry in enumerate(history)
        ]
        for key in ("accuracy", "validation_loss")
    }
    return f"<p class=soft>{escape(name)}: {steps}</p>{lines(series)}"


def _gate(result: dict[str, Any]) -> str:
    gate = result["gate"]
    return f"<p><b>{escape(str(gate['verdict'] or 'not asked'))}</b>: {escape(gate['reason'])}</p>"


def _seconds(seconds: dict[str, float]) -> str:
    return _table([(name.replace("_", " "), f"{value:.1f}") for name, value in seconds.items()])


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td>{escape(name)}</td><td class=n>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"
