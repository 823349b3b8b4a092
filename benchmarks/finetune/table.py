"""Puts what results.jsonl holds into the tables of README.md, between its marks."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import Any

from accuracy import results
from cases import CASES

README = Path(__file__).parent / "README.md"
HEAD = (
    "| data and method | accuracy | macro F1 | calibration error | seconds | peak MB | seeds | epochs | rate |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    entries = results()
    lines = [line(case.name, [entry for entry in entries if entry["case"] == case.name]) for case in CASES]
    table = "\n".join([HEAD, *(text for text in lines if text)])
    content = README.read_text(encoding="utf-8")
    marked = re.sub(r"(<!-- results -->\n).*?(<!-- end -->)", rf"\g<1>{table}\n\g<2>", content, flags=re.DOTALL)
    README.write_text(marked, encoding="utf-8")


def line(name: str, entries: list[dict[str, Any]]) -> str:
    if not entries:
        return ""
    cells = [
        name,
        spread([100 * entry["accuracy"] for entry in entries], 2),
        spread([entry["macro_f1"] for entry in entries], 4),
        spread([entry["expected_calibration_error"] for entry in entries], 4),
        f"{statistics.mean(entry['seconds'] for entry in entries):.0f}",
        f"{max(entry['peak_mb'] for entry in entries)}",
        ", ".join(str(entry["seed"]) for entry in entries),
        ", ".join(str(entry["epochs"] or "-") for entry in entries),
        ", ".join(f"{entry['rate']:.0e}" if entry["rate"] else "-" for entry in entries),
    ]
    return f"| {' | '.join(cells)} |"


def spread(values: list[float], digits: int) -> str:
    """Mean ± standard deviation; one run has none.

    >>> spread([1.0, 2.0, 3.0], 1), spread([1.0], 1)
    ('2.0 ± 1.0', '1.0')
    """
    mean = f"{statistics.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


if __name__ == "__main__":
    main()
