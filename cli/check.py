"""`retune check`: looks for problems in training data."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import REFUSED, Run, column_options, pass_run, progress_shown
from core.datasets import Columns, Example, examples_in
from core.durable import write_bytes
from core.pages import links_beside
from core.tables.reader import read_table

if TYPE_CHECKING:  # torch is slow to import, so it is imported only when the command runs
    from finetune.quality.cleaning import Removed
    from finetune.quality.findings import Finding


@dataclass(frozen=True)
class Options:
    """Options of the check and of its output."""

    seed: int
    base_model: str
    is_quick: bool
    html: Path | None
    copy: Path | None
    drop_suspects: bool
    drop_conflicts: bool


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--against", type=click.Path(path_type=Path), help="Test rows: similar, but without rows in common.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the findings as a page.")
@click.option("--fix", "copy", type=click.Path(path_type=Path), help="Write a cleaned copy, and a log of removed rows.")
@click.option("--drop-suspects", is_flag=True, help="With --fix: drop rows whose label is probably wrong.")
@click.option("--drop-conflicts", is_flag=True, help="With --fix: drop rows whose text has several labels.")
@click.option("--strict", is_flag=True, help="Exit 3 if there is an error or a warning.")
@click.option("--quick", "is_quick", is_flag=True, help="Omit the checks that need embeddings.")
@click.option("--base-model", help="'default', a folder, or a hub id with @revision [default: the config's].")
@click.option("--seed", type=click.IntRange(0), help="Seed of all random numbers [default: the config's].")
@column_options
@pass_run
def check(run: Run, /, file: Path, against: Path | None, strict: bool, columns: Columns, **given: Any) -> None:
    """Look for problems in a data file before training."""
    given["base_model"] = given["base_model"] or run.config.finetune.base_model
    given["seed"] = run.config.finetune.seed if given["seed"] is None else given["seed"]
    options = Options(**given)
    _require_valid_options(options)
    from finetune.quality.cleaning import require_usable
    from finetune.quality.inspection import checks_made

    rows = examples_in(read_table(file), file, columns, keep_blanks=True)
    others = examples_in(read_table(against), against, columns, labelled=False, keep_blanks=True) if against else None
    if options.copy:
        require_usable(file, options.copy)
    found = _findings(run, rows, others, options, is_multi_label=columns.multi_label)
    made = checks_made(is_quick=options.is_quick, has_other=bool(others), is_multi_label=columns.multi_label)
    about = _about(file, rows, against, others, options)
    removed = _cleaned(file, rows, found, options, columns)
    _write_page(options.html, found, file, about, made)
    run.emit(
        {
            "file": str(file),
            "against": str(against) if against else None,
            "rows": len(rows),
            "checks": made,
            "findings": [finding_facts(finding) for finding in found],
            **_written(options, removed),
        },
        about,
        *(line for finding in found for line in finding_lines(finding)),
        *_closing(found, made, options, removed),
    )
    if strict and any(finding.severity != "info" for finding in found):
        sys.exit(REFUSED)


def _require_valid_options(options: Options) -> None:
    if (options.drop_suspects or options.drop_conflicts) and not options.copy:
        raise click.UsageError("--drop-suspects and --drop-conflicts need --fix: add --fix FILE.")
    if options.drop_suspects and options.is_quick:
        raise click.UsageError("--drop-suspects needs embeddings, which --quick omits: remove one of the two.")


def _findings(
    run: Run, rows: list[Example], others: list[Example] | None, options: Options, *, is_multi_label: bool
) -> list[Finding]:
    from finetune.encoders.base_models import find_base_model

    base = find_base_model(options.base_model)  # refuses before the import of torch, which takes seconds
    from finetune.encoders.encoder import load_tokenizer
    from finetune.encoders.frozen import load_frozen
    from finetune.quality.inspection import inspect, inspect_quickly
    from finetune.quality.limits import Limits

    drift, max_length = run.config.drift, run.config.finetune.max_length
    limits = Limits(alpha=drift.alpha or Limits.alpha, min_rows=drift.min_rows, resamples=drift.resamples)
    with progress_shown() as progress:
        if options.is_quick:
            return inspect_quickly(
                rows,
                others,
                tokenizer=load_tokenizer(base.name, base.folder, max_length),
                is_multi_label=is_multi_label,
                limits=limits,
                on_progress=progress,
            )
        return inspect(
            rows,
            frozen=load_frozen(base, max_length=max_length, cache=run.config.cache),
            against=others,
            is_multi_label=is_multi_label,
            seed=options.seed,
            limits=limits,
            on_progress=progress,
        )


def _cleaned(
    file: Path, rows: list[Example], found: Sequence[Finding], options: Options, columns: Columns
) -> list[Removed]:
    if not options.copy:
        return []
    from finetune.quality.cleaning import removed_rows, write_cleaned

    removed = removed_rows(
        rows,
        found,
        is_multi_label=columns.multi_label,
        drop_suspects=options.drop_suspects,
        drop_conflicts=options.drop_conflicts,
    )
    write_cleaned(file, options.copy, removed)
    return removed


def _write_page(path: Path | None, found: Sequence[Finding], file: Path, about: str, made: list[str]) -> None:
    if path:
        from finetune.quality.page import quality_page

        links = links_beside(path)
        write_bytes(path, quality_page(found, source=file.name, about=about, checks=made, links=links).encode())


def finding_facts(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "severity": finding.severity,
        "count": finding.count,
        "unit": finding.unit,
        "sentence": finding.sentence,
        "advice": finding.advice,
        "fixable": finding.is_fixable,
        "rows": [asdict(entry) for entry in finding.examples],
        "row_numbers": list(finding.rows),
    }


def _written(options: Options, removed: Sequence[Removed]) -> dict[str, Any]:
    from finetune.quality.cleaning import log_path

    page = {"html": str(options.html)} if options.html else {}
    if not options.copy:
        return page
    return {**page, "fixed": str(options.copy), "log": str(log_path(options.copy)), "removed": len(removed)}


def _about(
    file: Path, rows: list[Example], against: Path | None, others: list[Example] | None, options: Options
) -> str:
    other = f", against {len(others):,} rows of {against}" if others else ""
    return f"{len(rows):,} rows of {file}{other}{', without embeddings' if options.is_quick else ''}."


def finding_lines(finding: Finding) -> Iterator[str]:
    yield ""
    yield f"{finding.severity.upper():<8} {finding.check}: {finding.sentence}"
    width = max((len(str(entry.row)) for entry in finding.examples), default=0)
    for entry in finding.examples:
        label = f"  [{entry.label}]" if entry.label else ""
        yield f"    row {entry.row:>{width}}  {entry.text}{label}  ({entry.detail})"
    if len(finding.rows) > len(finding.examples):
        yield f"    and {len(finding.rows) - len(finding.examples):,} more rows"
    yield f"    → {finding.advice}"


def _closing(found: Sequence[Finding], made: list[str], options: Options, removed: Sequence[Removed]) -> Iterator[str]:
    from finetune.quality.cleaning import log_path

    clear = [name for name in made if name not in {finding.check for finding in found}]
    yield ""
    if clear:
        yield f"Nothing found by: {', '.join(clear)}."
    if options.copy:
        yield f"{len(removed):,} rows removed in {options.copy}; {log_path(options.copy)} lists them with reasons."
    if options.html:
        yield f"The findings as a page: {options.html}"
