"""What `retune diff` prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.share import Share, percent
from core.version_diff.answers import Answers
from core.version_diff.diff import VersionDiff
from core.version_diff.training import RowsDiff

SHOWN, SHOWN_FLOWS, SHOWN_CHARACTERS = 8, 8, 60
LEVEL = 0.05


def diff_lines(found: VersionDiff) -> list[str]:
    before, after = f"{found.model}@{found.before}", f"{found.model}@{found.after}"
    if found.is_same_package:
        return [f"{before} and {after} are the same package."]
    lines = [f"{before} → {after}"]
    if not found.differs:
        rows = sum(one.rows for one in found.answers)
        lines.append(f"Nothing differs: labels, training, and the answers to {rows} rows are the same.")
    if found.ledger_problem:
        lines.append(f"The ledger is away, so no recorded text is compared: {found.ledger_problem}")
    lines += _labels(found)
    lines += [f"{key}: {_value(was)} → {_value(now)}" for key, (was, now) in found.training.facts.items()]
    lines += [f"setting {key}: {_value(was)} → {_value(now)}" for key, (was, now) in found.training.settings.items()]
    lines += [_rows(found.training.rows)] if found.training.rows else []
    for one in found.answers:
        lines += _answers(one)
    if not found.answers:
        lines.append("There are no rows to answer: name some with --data FILE.")
    return lines


def _labels(found: VersionDiff) -> Iterator[str]:
    for words, names in (("labels added", found.labels.came), ("labels removed", found.labels.gone)):
        if names:
            yield f"{words}: {_listed(names)}"
    renamed = [f"{old} → {new}" for old, new in {**found.labels.renamed, **found.renamed}.items()]
    if found.labels.renamed:
        yield f"labels perhaps renamed: {_listed(renamed[: len(found.labels.renamed)])}"
    if found.renamed:
        yield f"labels renamed by a rule: {_listed(renamed[len(found.labels.renamed) :])}"


def _rows(rows: RowsDiff) -> str:
    again = f", of which {rows.relabelled} have another label" if rows.relabelled else ""
    return f"training texts: {rows.added} added, {rows.removed} removed, {rows.common} in both{again}"


def _answers(found: Answers) -> Iterator[str]:
    share = f" ({percent(found.differing / found.rows)})" if found.differing else ""
    yield f"On {found.rows} rows ({found.source}) {found.differing} answers differ{share}."
    if found.before is not None and found.after is not None:
        yield (
            f"  accuracy {_share(found.before)} → {_share(found.after)} on {found.labelled} labelled rows: "
            f"{_compared(found)}"
        )
    for label, (rows, was, now) in list(found.by_label.items())[:SHOWN]:
        yield f"    {label}: {was} → {now} of {rows} right"
    for flow in found.flows[:SHOWN_FLOWS]:
        yield f"  {flow.before or '(no label)'} → {flow.after or '(no label)'}: {flow.rows}, e.g. {flow.examples[0]!r}"
    if len(found.flows) > SHOWN_FLOWS:
        yield f"  and {len(found.flows) - SHOWN_FLOWS} more pairs of labels (--json lists all)"


def _compared(found: Answers) -> str:
    if not found.wins + found.losses:
        return "none won, none lost"
    verdict = "a difference" if found.p_value <= LEVEL else "it may be chance"
    return f"{found.wins} won, {found.losses} lost, {verdict} (p = {found.p_value:.2g})"


def _share(share: Share) -> str:
    return f"{percent(share.value)} ({percent(share.low)} to {percent(share.high)})"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _value(value: Any) -> str:
    """Digests and tables are cut."""
    if isinstance(value, dict):
        value = ", ".join(f"{key} {part}" for key, part in value.items()) or None
    value = f"{value:.4g}" if isinstance(value, float) else value
    text = "none" if value is None or value == "" else str(value)
    is_digest = len(text) == 64 and not text.strip("0123456789abcdef")
    return f"{text[:12]}…" if is_digest else text[:SHOWN_CHARACTERS]
