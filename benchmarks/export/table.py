"""Puts what speed.jsonl holds into the tables of README.md, between its marks."""

from __future__ import annotations

import re
from typing import Any

from models import HERE
from speed import results

README = HERE / "README.md"
HEAD = (
    "| model | packaged | texts/s | fp32 | pipeline | times fp32 | times pipeline | test accuracy | of fp32 |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
RUNGS_HEAD = (
    "| rung | may be served | accuracy | same labels | texts/s | median ms | p95 ms | start s | memory MB | MB |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    entries = results()
    parts = ["\n".join([HEAD, *map(line, entries)]), *map(ladder, entries)]
    table = "\n\n".join(parts)
    content = README.read_text(encoding="utf-8")
    marked = re.sub(
        r"(<!-- results -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}{table}\n{found[2]}",
        content,
        flags=re.DOTALL,
    )
    README.write_text(marked, encoding="utf-8")


def line(entry: dict[str, Any]) -> str:
    speeds, test = entry["texts_per_s"], entry["test"]
    pipeline = max(value for side, value in speeds.items() if side.startswith("pipeline"))
    return (
        f"| {entry['model']} | {entry['packaged']} | {speeds['packaged']:.0f} | {speeds['fp32']:.0f} | {pipeline:.0f} "
        f"| {entry['against_fp32']:.2f} | {entry['against_pipeline']:.2f} "
        f"| {test['packaged']['accuracy']:.2%} | {test['fp32']['accuracy']:.2%} |"
    )


def ladder(entry: dict[str, Any]) -> str:
    title = f"{entry['model']}, {entry['tokens_a_text']} tokens a text:"
    missing = [f"| {name} | not built: {why} |" + " |" * 8 for name, why in entry["not_built"].items()]
    return "\n".join([title, "", RUNGS_HEAD, *map(rung, entry["rungs"]), *missing])


def rung(entry: dict[str, Any]) -> str:
    verdict = "yes" if entry["eligible"] else f"no: {entry['why']}"
    return (
        f"| {entry['name']} | {verdict} | {entry['accuracy']:.2%} | {entry['agreement']:.2%} "
        f"| {entry['texts_per_s']:.0f} | {entry['latency_ms_median']:.2f} | {entry['latency_ms_p95']:.2f} "
        f"| {entry['startup_s']:.2f} | {entry['resident_mb']:.0f} | {entry['size_mb']:.1f} |"
    )


if __name__ == "__main__":
    main()
