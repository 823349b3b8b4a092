"""Predictions that somebody asked to have forgotten, wherever Retune keeps something of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from core.clock import created_at_s
from core.database import Database
from core.dataset_erasure import ErasedRows, erase_rows
from core.datasets import key_of
from core.erasure import Erased, Which, among, count_of, erase, inputs_of, older_than, requested_with
from core.errors import JobRunning, NoExpiry, NoPredictionsOfKey, PredictionNotFound
from core.home import Home
from core.package import read_facts
from core.registry import Registry

NOT_STORED = ("", ("", ""))


@dataclass(frozen=True)
class Forgotten:
    """What is gone: rows of the ledger, and rows of the kept data sets by their fingerprints.

    `versions` names packages that hold one of the texts among their golden answers: sealed, they keep it.
    `is_rewritten`: whether the ledger's file was written anew without them; `is_log_empty`: whether they have
    left its write-ahead log, too.
    """

    erased: Erased
    datasets: dict[str, int]
    versions: list[str]
    is_rewritten: bool
    is_log_empty: bool


def forget_predictions(home: Home, ids: Collection[str]) -> Forgotten:
    """All of them, or none: raises `PredictionNotFound` for the first id that the ledger lacks, or `JobRunning`."""
    known = {key for key, _ in inputs_of(home.ledger.database, among(ids))}
    if unknown := [key for key in ids if key not in known]:
        raise PredictionNotFound(unknown[0])
    return _forget(home, among(ids))


def forget_key(home: Home, key: str) -> Forgotten:
    """Everything that an API key asked for; raises `NoPredictionsOfKey` or `JobRunning`."""
    if not count_of(home.ledger.database, requested_with(key)):
        raise NoPredictionsOfKey(key)
    return _forget(home, requested_with(key))


def forget_expired(home: Home) -> Forgotten:
    """What is older than `ledger.keep_days`, in the ledger alone; raises `NoExpiry` where that is unset."""
    keep_days = home.config.ledger.keep_days
    if keep_days is None:
        raise NoExpiry
    # Without writing the file anew, which would be done every day.
    erased = erase(home.ledger.database, older_than(keep_days))
    is_log_empty = not erased.predictions or home.ledger.database.truncate_log()
    return Forgotten(erased, {}, [], True, is_log_empty)


def _forget(home: Home, which: Which) -> Forgotten:
    if running := home.jobs.running():  # it has read its rows already, and would keep them again when it ends
        raise JobRunning(running[0].id, running[0].kind, running[0].model)
    database = home.ledger.database
    # The ledger last: as long as it holds the texts, an interrupted run can be repeated.
    rows = _erase_rows(which, database, home.config.datasets)
    erased = erase(database, which)
    versions = _versions_with(rows.keys, home.registry)
    is_rewritten = database.vacuum()
    is_log_empty = not erased.predictions or database.truncate_log()
    return Forgotten(erased, rows.datasets, versions, is_rewritten, is_log_empty)


def _erase_rows(which: Which, database: Database, datasets: Path) -> ErasedRows:
    made_s: dict[str, float] = {}
    for prediction_id, given in inputs_of(database, which):
        if given not in NOT_STORED:
            made_s.setdefault(key_of(given), created_at_s(prediction_id))
    return erase_rows(made_s, datasets)


def _versions_with(keys: Collection[str], registry: Registry) -> list[str]:
    return [
        f"{model}@{version}"
        for model in registry.models()
        for version in registry.versions(model)
        if any(key_of(text) in keys for text in read_facts(registry.folder(model, version)).golden_inputs)
    ]
