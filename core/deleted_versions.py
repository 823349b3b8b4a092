"""The note of a model's deleted versions: their numbers are never given again, because the ledger still names them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress

from core.clock import utc_now
from core.store import Store

NOTE = "deleted.json"


def deleted_versions(store: Store, model: str) -> dict[str, str]:
    """When each deleted version of a model was deleted."""
    content = store.read(f"{model}/{NOTE}")
    with suppress(ValueError, AttributeError):
        return {str(version): str(at) for version, at in json.loads(content or b"{}").items()}
    return {}


def note_deleted(store: Store, model: str, versions: Iterable[str]) -> None:
    """Add versions to the note, before they are deleted."""
    noted = deleted_versions(store, model)
    store.write(f"{model}/{NOTE}", json.dumps({**dict.fromkeys(versions, utc_now()), **noted}).encode())
