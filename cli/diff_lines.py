"""What `retune diff` prints."""

from __future__ import annotations

from collections.abc import Iterator

from core.share import percent
from core.version_diff.answers import Answers
from core.version_diff.diff import VersionDiff
from core.version_diff.words import SHOWN, compared_words, label_words, rows_words, share_words, value_words

SHOWN_FLOWS = 8


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
    training = found.training
    lines += label_words(found.labels, found.renamed)
    lines += [f"{key}: {value_words(was)} → {value_words(now)}" for key, (was, now) in training.facts.items()]
    lines += [
        f"setting {key}: {value_words(was)} → {value_words(now)}" for key, (was, now) in training.settings.items()
    ]
    lines += [rows_words(training.rows)] if training.rows else []
    for one in found.answers:
        lines += _answers(one)
    if not found.answers:
        lines.append("There are no rows to answer: name some with --data FILE.")
    return lines


def _answers(found: Answers) -> Iterator[str]:
    share = f" ({percent(found.differing / found.rows)})" if found.differing else ""
    yield f"On {found.rows} rows ({found.source}) {found.differing} answers differ{share}."
    if found.before is not None and found.after is not None:
        yield (
            f"  accuracy {share_words(found.before)} → {share_words(found.after)} on {found.labelled} labelled rows: "
            f"{compared_words(found)}"
        )
    for label, (rows, was, now) in list(found.by_label.items())[:SHOWN]:
        yield f"    {label}: {was} → {now} of {rows} right"
    for flow in found.flows[:SHOWN_FLOWS]:
        yield f"  {flow.before or '(no label)'} → {flow.after or '(no label)'}: {flow.rows}, e.g. {flow.examples[0]!r}"
    if len(found.flows) > SHOWN_FLOWS:
        yield f"  and {len(found.flows) - SHOWN_FLOWS} more pairs of labels (--json lists all)"
