"""Versions of packages by model, and each model's champion pointer.

<root>/<model>/versions/<n>/     a package, added atomically
<root>/<model>/champion.json     {"version", "previous", "since"}, replaced atomically
<root>/<model>/deleted.json      see `core.deleted_versions`
<root>/<model>/freeze.json       see `core.freezes`
<root>/.keys-in-use              see `core.keys_in_use`
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from core.clock import utc_now
from core.config import Config
from core.deleted_versions import deleted_versions, note_deleted
from core.errors import (
    CorruptPackage,
    FileMissing,
    InvalidName,
    ModelNotFound,
    NoChampion,
    NoModels,
    NothingToRollBackTo,
    PointerUnreadable,
    RegistryMissing,
    TaskMismatch,
    VersionNotFound,
)
from core.package import MANIFEST, read_digest, read_facts, verify_files
from core.store import Store
from core.stored import as_stored, restored

KEYS_NOTE = ".keys-in-use"
FIRST_NOTE = "first-served"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Champion:
    """`since`: time of the promotion; `previous`: earlier champions, the latest last.

    `first`: time of the model's first promotion; "" in a pointer of an earlier release. `forced`: as in
    `PromotionRecord`. `rolled_back_from`: the version that a roll back replaced by this one, "" after a promotion.
    """

    version: str
    previous: list[str] = field(default_factory=list)
    since: str = ""
    first: str = ""
    forced: bool = False
    rolled_back_from: str = ""

    @property
    def served_since(self) -> str:
        """Orders the models by their first promotion."""
        return self.first or self.since


def first_served(since: Mapping[str, str]) -> str | None:
    """The model that answers requests without a model: the one put in service first; None of none.

    >>> first_served({"b": "2026-01-01", "a": "2026-01-02"}), first_served({})
    ('b', None)
    """
    return min(since, key=lambda model: (since[model], model), default=None)


class Registry:
    """Needs neither database nor training code: promotion and rollback replace one small file."""

    def __init__(self, url: str, *, cache: Path) -> None:
        self._store = Store(url, cache=cache)

    @property
    def place(self) -> str:
        return self._store.root

    def catalog(self) -> dict[str, list[str]]:
        """The models, each with its versions."""
        return {name: versions for name in self._store.names("") if (versions := self.versions(name))}

    def models(self) -> list[str]:
        return list(self.catalog())

    def require_folder(self) -> None:
        """Raises `RegistryMissing` if the folder of a local registry does not exist; `add` creates it."""
        if self._store.is_local and not self._store.exists(""):
            raise RegistryMissing(self._store.root)

    def versions(self, model: str) -> list[str]:
        """Complete versions, oldest first."""
        names = (name for name in self._store.names(f"{model}/versions") if name.isdigit())
        return sorted((name for name in names if self._store.exists(f"{model}/versions/{name}/{MANIFEST}")), key=int)

    def note(self, name: str) -> bytes | None:
        """A small file beside the models."""
        return self._store.read(name)

    def write_note(self, name: str, content: bytes) -> None:
        self._store.write(name, content)

    def remove_note(self, name: str) -> None:
        if self._store.read(name) is not None:
            self._store.remove(name)

    def require_any(self) -> list[str]:
        """The models; raises `NoModels`."""
        if models := self.models():
            return models
        raise NoModels(self.place)

    def require_model(self, model: str) -> list[str]:
        """The versions of a model; raises `ModelNotFound`, before the name is used in a path."""
        catalog = self.catalog()
        if model not in catalog:
            raise self._not_found(model, list(catalog))
        return catalog[model]

    def require_known(self, model: str) -> None:
        """Raises `ModelNotFound` for a model that there never was."""
        if not self.deleted(model):
            self.require_model(model)

    def deleted(self, model: str) -> dict[str, str]:
        """When each deleted version of a model was deleted; empty for a name that no model can have."""
        return deleted_versions(self._store, model) if NAME.fullmatch(model) else {}

    def _not_found(self, model: str, known: list[str]) -> ModelNotFound:
        return ModelNotFound(model, known, self.place, deleted_at=max(self.deleted(model).values(), default=None))

    def add(self, package: Path, model: str) -> str:
        """Verify a package and copy it as the next version; return its number.

        A package that is already an undamaged version gets that version's number. Raises `FileMissing`,
        `CorruptPackage`, `InvalidName`, or `TaskMismatch` if the model's versions have another task.
        """
        _require_name(model)
        if not package.is_dir():
            raise FileMissing(package, what="package")
        digest = verify_files(package)
        for version in self.versions(model):
            with suppress(CorruptPackage):
                if read_digest(self.folder(model, version)) == digest:
                    self.verified_folder(model, version)
                    return version
        self.require_addable(model, read_facts(package).task)
        return self._add_next(package, model)

    def require_addable(self, model: str, task: str) -> None:
        """Raises `InvalidName`, or `TaskMismatch` if the model's versions have another task (in words).

        Feedback and training rows belong to the model, so all its versions must have the same task.
        """
        _require_name(model)
        versions = self.versions(model)
        if versions and (known := read_facts(self.folder(model, versions[-1])).task) != task:
            raise TaskMismatch(model, known, task)

    def _add_next(self, package: Path, model: str) -> str:
        version = max(map(int, [*self.versions(model), *self.deleted(model)]), default=0) + 1
        while not self._store.add_folder(package, f"{model}/versions/{version}", verify=verify_files):
            version += 1
        return str(version)

    def remove(self, model: str, version: str) -> int:
        """Delete a version; return its bytes. `core.removal` says which ones must stay. Raises as `folder`."""
        self.folder(model, version)
        folder = f"{model}/versions/{version}"
        size_bytes = self._store.size_bytes(folder)
        note_deleted(self._store, model, [version])
        self._store.remove_folder(folder)
        return size_bytes

    def remove_model(self, model: str) -> int:
        """Delete a model with all its versions and its pointer; return their bytes. Raises `ModelNotFound`."""
        note_deleted(self._store, model, self.require_model(model))
        size_bytes = self._store.size_bytes(f"{model}/versions")
        self._store.remove_folder(f"{model}/versions")
        for name in ("champion.json", FIRST_NOTE, "freeze.json"):
            if self._store.exists(f"{model}/{name}"):
                self._store.remove(f"{model}/{name}")
        return size_bytes

    def folder(self, model: str, version: str) -> Path:
        """Local folder of the version's files; raises `ModelNotFound` or `VersionNotFound`."""
        known = self.versions(model)
        if not known:
            raise self._not_found(model, self.models())
        if version not in known:
            raise VersionNotFound(model, version, known, deleted_at=self.deleted(model).get(version))
        return self._store.local_folder(f"{model}/versions/{version}")

    def verified_folder(self, model: str, version: str) -> Path:
        """As `folder`, after the files were verified against the manifest; raises `CorruptPackage`."""
        folder = self.folder(model, version)
        try:
            verify_files(folder)
        except CorruptPackage:
            self._store.drop_local_copy(f"{model}/versions/{version}")
            raise
        return folder

    def pointer(self, model: str) -> Champion | None:
        """The champion pointer; None before the first promotion. Reads one small file, so it can be polled.

        Raises `PointerUnreadable`.
        """
        content = self._store.read(f"{model}/champion.json")
        try:
            return restored(Champion, json.loads(content)) if content else None
        except (ValueError, TypeError, AttributeError) as error:
            raise PointerUnreadable(model, str(error)) from error

    def readable_pointer(self, model: str) -> Champion | None:
        """As `pointer`, but also None for an unreadable pointer; for code that replaces the pointer."""
        with suppress(PointerUnreadable):
            return self.pointer(model)
        return None

    def champion(self, model: str) -> Champion:
        """As `pointer`, but raises `ModelNotFound` or `NoChampion`."""
        pointer = self.pointer(model)
        if pointer is None:
            known = self.versions(model)
            raise NoChampion(model, known) if known else self._not_found(model, self.models())
        return pointer

    def default_model(self) -> str | None:
        """The model that was put in service first, of those that have a champion now; None if none has."""
        pointers = {model: self.readable_pointer(model) for model in self.models()}
        return first_served({model: pointer.served_since for model, pointer in pointers.items() if pointer})

    def promote(self, model: str, version: str, *, forced: bool = False) -> Champion:
        """Verify a version and make it the champion. Promoting the champion changes nothing."""
        self.verified_folder(model, version)
        pointer = self.readable_pointer(model)
        if pointer and pointer.version == version:
            return pointer
        previous = [*pointer.previous, pointer.version] if pointer else []
        champion = Champion(version, previous, first=self._first(model, pointer), forced=forced)
        return self._set_pointer(model, champion)

    def roll_back(self, model: str) -> Champion:
        """Make the previous champion the champion again; raises `NothingToRollBackTo`."""
        champion = self.champion(model)
        if not champion.previous:
            raise NothingToRollBackTo(model)
        known = self.versions(model)
        *earlier, version = [one for one in champion.previous if one in known] or champion.previous
        self.verified_folder(model, version)
        now = Champion(version, earlier, first=champion.served_since, rolled_back_from=champion.version)
        return self._set_pointer(model, now)

    def restore_pointer(self, model: str, champion: Champion | None) -> None:
        """Restore an earlier pointer; None: there was none."""
        if champion is None:
            self._store.remove(f"{model}/champion.json")
            self._store.remove(f"{model}/{FIRST_NOTE}")
            return
        self._store.write(f"{model}/champion.json", json.dumps(as_stored(champion)).encode())
        if self._store.read(f"{model}/{FIRST_NOTE}") is None:
            self._store.write(f"{model}/{FIRST_NOTE}", champion.served_since.encode())

    def _set_pointer(self, model: str, champion: Champion) -> Champion:
        """`champion` without its time, which is now."""
        champion = replace(champion, since=utc_now())
        self.restore_pointer(model, champion)
        return champion

    def _first(self, model: str, pointer: Champion | None) -> str:
        """When the model was first put in service; a damaged pointer has lost it, the note has not."""
        noted = None if pointer else self._store.read(f"{model}/{FIRST_NOTE}")
        return pointer.served_since if pointer else noted.decode() if noted else self._next_first()

    def _next_first(self) -> str:
        """Now, but later than the first promotion of every other model, even if this clock is behind."""
        others = [pointer.served_since for model in self.models() if (pointer := self.readable_pointer(model))]
        now, latest = utc_now(), max(others, default="")
        if now > latest:
            return now
        return (datetime.fromisoformat(latest) + timedelta(microseconds=1)).isoformat(timespec="microseconds")


def _require_name(model: str) -> None:
    if not NAME.fullmatch(model):
        raise InvalidName("Model", model, "letters, digits, '-' or '_'")


def open_registry(config: Config) -> Registry:
    return Registry(config.registry_url, cache=config.cache / "registry")


def parse_version(name: str) -> tuple[str, str | None]:
    """
    >>> parse_version("tickets@2"), parse_version("tickets")
    (('tickets', '2'), ('tickets', None))
    """
    model, at, version = name.partition("@")
    return model, version if at else None
