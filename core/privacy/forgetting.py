"""Forgets predictions: erases them from the ledger, their texts from stored data sets, their cached embeddings."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from core.database import Database
from core.datasets import key_of
from core.embedding_cache import erase_embeddings
from core.errors import JobRunning, NoExpiry, NoPredictionsOfKey, PredictionNotFound
from core.home import Home
from core.ledger_tables.job_log import erase_old_lines
from core.package import read_facts
from core.privacy.dataset_erasure import ErasedRows, erase_rows
from core.privacy.erasure import (
    Condition,
    Erased,
    count_of,
    erase,
    ids_of,
    inputs_of,
    older_than,
    requested_with,
    texts_of,
    with_ids,
)
from core.registry import Registry

NOT_STORED = ("", ("", ""))


@dataclass(frozen=True)
class Forgotten:
    """`erased`: rows of the ledger; `datasets`: number of erased rows by the data set's fingerprint.

    `versions`: versions whose golden answers still contain an erased text, because a version cannot change.
    `is_rewritten`: whether the ledger's file was rebuilt; `is_log_empty`: whether its write-ahead log is empty.
    """

    erased: Erased
    datasets: dict[str, int]
    versions: list[str]
    is_rewritten: bool
    is_log_empty: bool


def forget_predictions(home: Home, ids: Collection[str]) -> Forgotten:
    """Forget all predictions, or none if it raises `PredictionNotFound` or `JobRunning`."""
    known = ids_of(home.ledger.database, with_ids(ids))
    if unknown := [key for key in ids if key not in known]:
        raise PredictionNotFound(unknown[0], home.ledger.database.shown_url)
    return _forget(home, with_ids(ids))


def forget_key(home: Home, key: str) -> Forgotten:
    """Forget the predictions of an API key; raises `NoPredictionsOfKey` or `JobRunning`."""
    if not count_of(home.ledger.database, requested_with(key)):
        raise NoPredictionsOfKey(key, home.ledger.database.shown_url)
    return _forget(home, requested_with(key))


def forget_expired(home: Home) -> Forgotten:
    """Erase predictions and logs of jobs older than `ledger.keep_days`, in the ledger, and embeddings cached of them.

    Raises `NoExpiry` if `keep_days` is unset.
    """
    keep_days = home.config.ledger.keep_days
    if keep_days is None:
        raise NoExpiry
    database = home.ledger.database
    expired = older_than(database, keep_days)
    erase_embeddings(home.config.embeddings, texts_of(database, expired), keep_days=keep_days)
    # The file is not rebuilt: this runs in every round of the monitor.
    erased = erase(database, expired)
    erase_old_lines(database, keep_days)
    is_log_empty = not erased.predictions or database.truncate_log()
    return Forgotten(erased, {}, [], True, is_log_empty)


def _forget(home: Home, condition: Condition) -> Forgotten:
    if running := home.jobs.running():  # a running job has read its rows and would store them again at its end
        raise JobRunning(running[0].id, running[0].kind, running[0].model)
    database = home.ledger.database
    # The ledger is last: an interrupted run can be repeated as long as the ledger has the texts.
    rows = _erase_rows(condition, database, home.config.datasets)
    erase_embeddings(home.config.embeddings, texts_of(database, condition))
    erased = erase(database, condition)
    versions = _versions_with(rows.keys, home.registry)
    is_rewritten = database.vacuum()
    is_log_empty = not erased.predictions or database.truncate_log()
    return Forgotten(erased, rows.datasets, versions, is_rewritten, is_log_empty)


def _erase_rows(condition: Condition, database: Database, datasets: Path) -> ErasedRows:
    created_s: dict[str, float] = {}
    for arrived_s, given in inputs_of(database, condition):
        if given not in NOT_STORED:
            created_s.setdefault(key_of(given), arrived_s)
    return erase_rows(created_s, datasets)


def _versions_with(keys: Collection[str], registry: Registry) -> list[str]:
    return [
        f"{model}@{version}"
        for model in registry.models()
        for version in registry.versions(model)
        if any(key_of(text) in keys for text in read_facts(registry.folder(model, version)).golden_inputs)
    ]
