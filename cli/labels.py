"""`retune labels`."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click

from cli.context import REFUSED, Run, column_options, info, pass_run
from cli.retract import retract_labels, way_back
from core.datasets import Columns
from core.errors import UnwrittenFormat
from core.feedback import MAX_SOURCE_CHARS, add_rule, registered_labels
from core.label_files.files import SAME, RefusedRow, write_requests
from core.label_files.importing import import_labels
from core.labelling.effects import effects_of, has_control_character
from core.labelling.queue import label_queue, labels_today
from core.labels import label_name
from core.tables.reader import CSV
from core.taxonomy import LabelRule
from core.trust import Contradictions
from lifecycle.labels.adding import add_rows, remove_source
from lifecycle.labels.archive import Format, write_labelled_rows
from lifecycle.labels.groups import in_words
from lifecycle.labels.queue import NO_TEXTS

SHOWN = 5


def _source(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    source = value.strip()
    if not source or len(source) > MAX_SOURCE_CHARS or has_control_character(source):
        raise click.BadParameter(f"Give 1 to {MAX_SOURCE_CHARS} characters on one line.")
    return source


new_labels_option = click.option(
    "--new-labels",
    type=label_name,
    multiple=True,
    metavar="LABEL",
    help="A new label that resembles a known one; repeatable.",
)


@click.group()
def labels() -> None:
    """Labels from people: export what is asked for, import it, change the set of labels."""


@labels.command("export")
@click.argument("model")
@click.option("--out", type=click.Path(path_type=Path), help="CSV file to write, *.csv [default: stdout].")
@click.option("--all", "every", is_flag=True, help="All labelled rows, to --out: .csv, .jsonl or .parquet.")
@click.option("--format", "form", type=click.Choice(get_args(Format)), default="table", help="Format of --all.")
@pass_run
def export_labels(run: Run, model: str, out: Path | None, every: bool, form: Format) -> None:
    """Write the open label requests: prediction_id, group, text, predicted, score, an empty label to fill in, and the
    choices.

    Pairs also have a column pair. Write several labels of a text as a|b, and no label as |. Write ? where nobody can
    tell the label: it ends the request, and trains and measures nothing. Texts of one group mean the same to the model:
    write = in the others if their label is that of the first one.
    """
    run.home.registry.require_model(model)
    if every:
        if out is None:
            raise click.UsageError("--all needs a file: add --out FILE.")
        rows = write_labelled_rows(run.home, model, out, form=form)
        run.emit({"model": model, "rows": rows, "out": str(out)}, f"{rows} labelled rows: {out}")
        return
    if form != "table":
        raise click.UsageError(f"--format {form} is for all labelled rows: add --all.")
    if out and out.suffix.lower() not in ("", CSV):
        raise UnwrittenFormat(out, CSV)
    queue = label_queue(run.home, model)
    requests, names, answers = queue.requests, queue.labels, queue.answers
    if not requests and run.config.ledger.keep == "features":
        info(NO_TEXTS)
    if run.as_json:
        listed = [asdict(item) for item in requests]
        run.emit({"model": model, "labels": names, "answers": answers, "texts": len(requests), "requests": listed})
    if out:
        with out.open("w", newline="", encoding="utf-8") as file:
            write_requests(file, requests, names)
        then = run.hint("labels", "import", model, out)
        alike = f", {SAME!r} if it is that of the first text of the group" if answers < len(requests) else ""
        info(
            f"{len(requests)} texts to label are in {out}, {in_words(answers, len(requests))}. Fill in 'label' "
            f"('?' if nobody can tell it{alike}), then: {then}"
        )
    elif not run.as_json:
        write_requests(sys.stdout, requests, names)


@labels.command("import")
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", default="file", show_default=True, callback=_source, help="Who gave the labels.")
@new_labels_option
@pass_run
def import_(run: Run, model: str, file: Path, source: str, new_labels: tuple[str, ...]) -> None:
    """Read labels (columns prediction_id and label; rows without a label are skipped, and ? says that nobody can tell).

    = in a row of a group stands for the label of the group's first text in this file. Several labels of a text are
    written as a|b, and no label as |. A row whose label resembles a known one, looks like a score or belongs to other
    cells is refused; the others are stored. Exit 3 if a row is refused.
    """
    run.home.registry.require_model(model)
    begun = datetime.now(UTC)
    imported = import_labels(run.home, model, file, source=source, new_labels=new_labels)
    stored, refused = imported.stored, imported.refused
    counts = {"accepted": stored.accepted, "cannot_tell": stored.cannot_tell, "refused": len(refused)}
    run.record("import_labels", model, {"source": source, **counts})
    run.emit(
        {
            "model": model,
            "accepted": stored.accepted,
            "cannot_tell": stored.cannot_tell,
            "answers": imported.answers,
            "texts": imported.texts,
            "unknown": len(stored.unknown),
            "empty": imported.empty,
            "repeated": imported.repeated,
            "contradictions": asdict(imported.contradictions),
            "new": stored.new,
            "refused": [asdict(row) for row in refused],
        },
        f"{stored.accepted} labels stored, {len(stored.unknown)} for unknown predictions{_first(stored.unknown)}, "
        f"{imported.empty} rows without a label skipped.",
        *([f"{stored.cannot_tell} cannot be told: no label, and not asked for again."] if stored.cannot_tell else []),
        *([f"{in_words(imported.answers, imported.texts)} of groups and others."] if imported.alike else []),
        *_new_lines(stored.new),
        *([f"{imported.repeated} predictions have several labels here: the last counts."] if imported.repeated else []),
        *_contradiction_lines(run, imported.contradictions),
        *_refused_lines(refused, "import"),
        *([way_back(run, model, source, begun)] if imported.texts else []),
    )
    if refused:
        sys.exit(REFUSED)


labels.add_command(retract_labels)


@labels.command("add")
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", required=True, callback=_source, help="Who or what the rows are from.")
@new_labels_option
@column_options
@pass_run
def add(run: Run, model: str, file: Path, source: str, new_labels: tuple[str, ...], columns: Columns) -> None:
    """Add labelled rows that are no predictions: a data file, tasks of Label Studio or records of Argilla.

    They train the next challenger; those that a hash of their text holds out judge it. A row with a doubtful label, or
    with nearly the text of a row that measures, is refused, the others stored. Exit 3 if a row is refused.
    """
    run.home.registry.require_model(model)
    kind = registered_labels(run.home.registry, model).kind
    fitting = replace(columns, multi_label=columns.multi_label or kind == "multi-label")
    added = add_rows(run.home, model, file, fitting, source=source, new_labels=new_labels)
    run.record("add_rows", model, {"source": source, "stored": added.stored, "refused": len(added.refused)})
    run.emit(
        {"model": model, **asdict(added)},
        f"{added.stored} rows added; {added.held_out} of the file's are held out and judge challengers.",
        *([f"{added.empty} tasks or records without an answer skipped."] if added.empty else []),
        *_new_lines(added.new),
        *_refused_lines(added.refused, "add"),
    )
    if added.refused:
        sys.exit(REFUSED)


@labels.command("remove")
@click.argument("model")
@click.option("--source", required=True, help="The source whose added rows are deleted.")
@pass_run
def remove(run: Run, model: str, source: str) -> None:
    """Delete the added rows of a source; versions that were trained on them stay."""
    run.home.registry.require_model(model)
    removed = remove_source(run.home, model, source)
    run.record("remove_rows", model, {"source": source, "rows": removed})
    run.emit({"model": model, "removed": removed}, f"{removed} rows of {source} removed.")


def _contradiction_lines(run: Run, found: Contradictions) -> list[str]:
    aside = [
        f"The labels of source {source!r} count for nothing: {reason}. To count them, name it in labels.trust."
        for source, reason in found.set_aside.items()
    ]
    if not found.texts:
        return aside
    pairs = ", ".join(f"{pair} ({texts})" for pair, texts in found.pairs.items())
    trust = run.config.labels.trust
    rule = f"the first of {', '.join(trust)}" if isinstance(trust, list) else f"the {trust}"
    undecided = f"; {found.undecided} of them are undecided and count for nothing" if found.undecided else ""
    return [
        f"{found.texts} texts have different labels from {', '.join(found.sources)}: {pairs}.",
        f"Of their labels {rule} counts (labels.trust){undecided}.",
        *aside,
    ]


def _new_lines(new: Mapping[str, int]) -> list[str]:
    listed = ", ".join(f"{name} ({count})" for name, count in new.items())
    return [f"New labels: {listed}."] if listed else []


def _refused_lines(refused: Sequence[RefusedRow], command: str) -> list[str]:
    if not refused:
        return []
    more = [f"  and {len(refused) - SHOWN} more (--json lists all)"] if len(refused) > SHOWN else []
    return [
        f"{len(refused)} rows refused; correct them and {command} the file again:",
        *(f"  {row.sentence}" for row in refused[:SHOWN]),
        *more,
        "A new label that is meant: --new-labels LABEL.",
    ]


@labels.command("list")
@click.argument("model")
@pass_run
def list_labels(run: Run, model: str) -> None:
    """List the labels of today, the doubtful ones that wait for a person, the rules, and the sources of added rows."""
    run.home.registry.require_model(model)
    names, doubtful = labels_today(run.home, model), run.home.ledger.rules.doubtful(model)
    rules, sources = run.home.ledger.rules.taxonomy(model).rules, run.home.ledger.added.sources(model)
    kind = registered_labels(run.home.registry, model).kind
    found = run.home.ledger.contradictions(model, kind=kind, trust=run.config.labels.trust)
    run.emit(
        {
            "model": model,
            "labels": names,
            "doubtful": list(map(asdict, doubtful)),
            "rules": list(map(asdict, rules)),
            "added": list(map(asdict, sources)),
            "contradictions": asdict(found),
        },
        f"{len(names)} labels: {', '.join(names)}",
        *(f"doubtful: {item.label} ({item.rows} predictions)" for item in doubtful),
        *([_settling(run, model)] if doubtful else []),
        *(_rule_line(rule) for rule in rules),
        *(f"added by {added.source}: {added.rows} rows, last on {added.created_at[:10]}" for added in sources),
        *_contradiction_lines(run, found),
    )


def _settling(run: Run, model: str) -> str:
    accept, rename = run.hint("labels", "accept", model, "LABEL"), run.hint("labels", "rename", model, "LABEL", "KNOWN")
    return f"Settle them: {accept}, or {rename}"


def rule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that all rules have."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Say what the rule would touch, and add none."),
        click.option("--reason", default="", help="Why, for those who read the rules later."),
    ):
        command = option(command)
    return command


@labels.command("rename")
@click.argument("model")
@click.argument("old", type=label_name)
@click.argument("new", type=label_name)
@rule_options
@pass_run
def rename(run: Run, model: str, old: str, new: str, reason: str, dry_run: bool) -> None:
    """Call the label OLD NEW from now on, wherever it is stored."""
    _add(run, model, [LabelRule("rename", old, new, reason=reason)], dry_run=dry_run)


@labels.command("merge")
@click.argument("model")
@click.argument("old", nargs=-1, required=True, type=label_name)
@click.argument("into", type=label_name)
@rule_options
@pass_run
def merge(run: Run, model: str, old: tuple[str, ...], into: str, reason: str, dry_run: bool) -> None:
    """Make the labels OLD… one label INTO."""
    names = [name for name in dict.fromkeys(old) if name != into] or [into]
    _add(run, model, [LabelRule("rename", name, into, reason=reason) for name in names], dry_run=dry_run)


@labels.command("retire")
@click.argument("model")
@click.argument("name", type=label_name)
@click.option(
    "--to", type=label_name, metavar="LABEL", help="The label that takes its rows [default: they are left out]."
)
@rule_options
@pass_run
def retire(run: Run, model: str, name: str, to: str | None, reason: str, dry_run: bool) -> None:
    """Give up a label: its rows no longer train or measure."""
    _add(run, model, [LabelRule("retire", name, to, reason=reason)], dry_run=dry_run)


@labels.command("accept")
@click.argument("model")
@click.argument("names", nargs=-1, required=True, type=label_name)
@rule_options
@pass_run
def accept(run: Run, model: str, names: tuple[str, ...], reason: str, dry_run: bool) -> None:
    """Confirm doubtful labels: they are meant, although they resemble others."""
    _add(run, model, [LabelRule("accept", name, reason=reason) for name in dict.fromkeys(names)], dry_run=dry_run)


@labels.command("undo")
@click.argument("model")
@click.argument("rule", type=int)
@rule_options
@pass_run
def undo(run: Run, model: str, rule: int, reason: str, dry_run: bool) -> None:
    """Undo a rule by its number, as 'retune labels list' shows it."""
    _add(run, model, [LabelRule("undo", "", undoes=rule, reason=reason)], dry_run=dry_run)


def _add(run: Run, model: str, rules: Sequence[LabelRule], *, dry_run: bool) -> None:
    run.home.registry.require_model(model)
    effects = effects_of(run.home, model, rules)
    settled = 0
    if not dry_run:
        kind = registered_labels(run.home.registry, model).kind
        settled = sum(add_rule(run.home.ledger, model, _signed(rule), kind) for rule in rules)
        for rule in rules:
            run.record("label_rule", model, _facts(rule))
    run.emit(
        {"model": model, "effects": list(map(asdict, effects)), "dry_run": dry_run, "settled": settled},
        *(effect.sentence for effect in effects),
        *([f"{settled} doubtful labels are settled by it."] if settled else []),
        "Nothing is changed (--dry-run)." if dry_run else "The next retrain and every check use today's labels.",
    )


def _signed(rule: LabelRule) -> LabelRule:
    with suppress(KeyError, OSError):  # a container's user may have no name
        return replace(rule, by=getpass.getuser())
    return rule


def _facts(rule: LabelRule) -> dict[str, Any]:
    given = {"rule": rule.action, "label": rule.label, "to": rule.target, "undoes": rule.undoes, "reason": rule.reason}
    return {name: value for name, value in given.items() if value not in (None, "")}


def _rule_line(rule: LabelRule) -> str:
    to = f" → {rule.target}" if rule.target is not None else ""
    what = f"undo rule {rule.undoes}" if rule.action == "undo" else f"{rule.action} {rule.label}{to}"
    return f"rule {rule.id}: {what} ({rule.created_at[:10]}{f', {rule.by}' if rule.by else ''}) {rule.reason}".rstrip()


def _first(ids: Sequence[str]) -> str:
    return f" ({', '.join(ids[:SHOWN])}{' …' if len(ids) > SHOWN else ''})" if ids else ""
