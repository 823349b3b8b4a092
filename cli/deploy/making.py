"""Steps 1 to 4: from checked rows to a version in the registry."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.check import finding_facts, finding_lines
from cli.context import REFUSED, Run, info, progress_shown
from cli.deploy.told import KEPT, Told
from core.config import FinetuneConfig
from core.datasets import Example
from core.labels import Kind
from core.share import percent

if TYPE_CHECKING:  # torch is slow to import, so it is imported only when the command runs
    from finetune.quality.findings import Finding
    from lifecycle.deploy.folder import DeployFolder
    from lifecycle.deploy.parts import Parts

ENOUGH = 2
"""A reference has twice the rows that a check needs, if the file has them."""


def check(run: Run, file: Path, rows: Sequence[Example], told: Told, *, is_multi_label: bool) -> None:
    """Look for what a training refuses; prints it, and exits."""
    from finetune.quality.inspection import inspect_quickly

    with told.step("check") as sentences:
        found = inspect_quickly(rows, is_multi_label=is_multi_label)
        told.facts["findings"] = [finding_facts(finding) for finding in found]
        errors = [finding for finding in found if finding.severity == "error"]
        sentences += [f"{len(rows):,} rows: {_counted(found)}.", f"Details: {run.hint('check', file)}"]
    if not errors:
        return
    for line in (line for finding in errors for line in finding_lines(finding)):
        info(line)
    run.emit(
        {"model": None, "version": None, "champion": None, **told.facts, "seconds": told.seconds},
        "",
        "A training refuses such rows, so nothing was trained. Mend the file, then deploy it again.",
        *_cure(run, file, errors),
    )
    sys.exit(REFUSED)


def version_of(
    run: Run,
    model: str,
    rows: Sequence[Example],
    reference: Sequence[Example] | None,
    settings: FinetuneConfig,
    told: Told,
    *,
    rung: str | None,
) -> str:
    """The version that the rows make; what an earlier run did of it is taken as it is."""
    from lifecycle.deploy.folder import deploy_folder
    from lifecycle.deploy.parts import Parts, parted
    from lifecycle.deploy.steps import registered_version

    kind: Kind = "multi-label" if settings.multi_label else "single-label"
    if reference is None:
        parts = parted(rows, kind, least=ENOUGH * run.config.drift.min_rows, seed=settings.seed)
    else:
        parts = Parts(rows, reference)
    with deploy_folder(run.home, model, parts, settings, rung=rung) as folder:
        if version := registered_version(run.home, folder, model):
            with told.step("register") as sentences:
                sentences += [f"{model}@{version}, of the same rows and settings.", KEPT]
            return version
        _train(run, folder, parts, settings, told)
        _pack(run, folder, parts, told, rung=rung)
        return _register(run, folder, model, told)


def _train(run: Run, folder: DeployFolder, parts: Parts, settings: FinetuneConfig, told: Told) -> None:
    from lifecycle.deploy.steps import train

    with told.step("finetune") as sentences, progress_shown() as progress:
        is_kept = folder.checkpoint.exists()
        training = train(run.home, folder, parts, settings, on_progress=progress)
        metrics, data = training.metrics["validation"], training.data
        told.facts |= {"method": training.method, "metrics": metrics}
        sentences += [
            f"{training.method} on {data.train_rows:,} rows, {len(training.labels)} labels;",
            f"accuracy {percent(metrics['accuracy'])} on {data.validation_rows:,} others.",
            *([KEPT] if is_kept else []),
        ]


def _pack(run: Run, folder: DeployFolder, parts: Parts, told: Told, *, rung: str | None) -> None:
    from lifecycle.deploy.steps import pack

    with told.step("export") as sentences, progress_shown() as progress:
        is_kept, least = folder.package.exists(), run.config.drift.min_rows
        facts = pack(run.home, folder, parts, rung=rung, on_progress=progress)
        told.facts |= {"rung": facts.rung, "reference_rows": len(parts.reference)}
        sentences.append(f"{facts.rung}; the reference has {len(parts.reference):,} rows that were not trained on.")
        if len(parts.reference) < least:
            sentences.append(f"A drift check needs {least}: none will conclude. Give more rows with --reference FILE.")
        sentences += [KEPT] if is_kept else []


def _register(run: Run, folder: DeployFolder, model: str, told: Told) -> str:
    from lifecycle.deploy.steps import register

    with told.step("register") as sentences:
        version = register(run.home, folder, model)
        run.record("register", model, {"version": version})
        sentences.append(f"{model}@{version}.")
    return version


def _counted(found: Sequence[Finding]) -> str:
    """
    >>> from finetune.quality.findings import Finding
    >>> _counted([]), _counted([Finding("few_rows", "warning", 2, "labels", "", "")])
    ('nothing found', '1 warning (few_rows)')
    """
    names: dict[str, list[str]] = {}
    for finding in found:
        if finding.severity != "info":
            names.setdefault(finding.severity, []).append(finding.check)
    said = (f"{len(of)} {name}{'' if len(of) == 1 else 's'} ({', '.join(of)})" for name, of in names.items())
    return ", ".join(said) or "nothing found"


def _cure(run: Run, file: Path, errors: Sequence[Finding]) -> list[str]:
    """The command that removes the rows, if that is all that is needed."""
    if not all(finding.is_fixable for finding in errors):
        return []
    fixed = file.with_name(f"{file.stem}-fixed{file.suffix}")
    return [f"To remove the rows: {run.hint('check', file, '--fix', fixed)}"]
