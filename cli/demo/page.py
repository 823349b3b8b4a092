"""The demo's page: accuracy before and after, drift, learning curves. One file that needs no network."""

from __future__ import annotations

from math import log10
from pathlib import Path
from typing import Any

from core.pages import page

TEMPLATE = Path(__file__).with_name("page.html")


def write_page(path: Path, result: dict[str, Any], histories: dict[str, list[dict[str, Any]]]) -> Path:
    """Write the page of a demo's result; `histories` holds the training histories by name."""
    evidence = {name: _evidence(result[f"{name}_check"]) for name in ("reference", "fresh")}
    content = page(
        TEMPLATE,
        result=result,
        evidence=evidence,
        features=list(evidence["reference"] | evidence["fresh"]),
        most=max([1e-9, *evidence["reference"].values(), *evidence["fresh"].values()]),
        histories=histories,
    )
    path.write_text(content, encoding="utf-8")
    return path


def _evidence(check: dict[str, Any]) -> dict[str, float]:
    """−log₁₀ p by feature."""
    return {item["feature"]: -log10(item["p_value"]) for item in check["evidence"]}
