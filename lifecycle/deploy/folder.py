"""The folder of one deployment: the same rows and settings have the same one, so that a killed deployment goes on.

<home>/deploy/<model>-<key>/   checkpoint and package until it is registered, then version.json
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.config import Config, FinetuneConfig
from core.datasets import fingerprint
from core.durable import write_bytes
from core.errors import DeployRunning
from core.home import Home
from lifecycle.deploy.parts import Parts

KEY_CHARS = 12
VERSION, LOCK = "version.json", "lock"


class DeployFolder:
    """`checkpoint` and `package` are complete if they exist."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoint, self.package = path / "checkpoint", path / "package"

    def version(self) -> str | None:
        """The version that an earlier run registered."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            return str(json.loads((self.path / VERSION).read_text(encoding="utf-8"))["version"])
        return None

    def note_version(self, version: str) -> None:
        """The registry has the package. The checkpoint goes, too: it has texts of people, which no `forget` finds."""
        write_bytes(self.path / VERSION, json.dumps({"version": version}).encode())
        for folder in (self.package, self.checkpoint):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def deploy_folder(
    home: Home, model: str, parts: Parts, settings: FinetuneConfig, *, rung: str | None = None
) -> Iterator[DeployFolder]:
    """Hold the folder of a deployment; raises `DeployRunning`. `rung`: the one that is asked for.

    At the end the model's other folders are removed, but not those of a deployment that did not end.
    """
    path = home.folder / "deploy" / f"{model}-{_key(parts, settings, home.config, rung)}"
    path.mkdir(parents=True, exist_ok=True)
    with (path / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DeployRunning(model, path) from error
        for left in path.glob(".package.*"):
            shutil.rmtree(left, ignore_errors=True)
        yield DeployFolder(path)
        for other in path.parent.glob(f"{model}-{'?' * KEY_CHARS}"):
            if other != path and (other / VERSION).exists():
                shutil.rmtree(other, ignore_errors=True)


def _key(parts: Parts, settings: FinetuneConfig, config: Config, rung: str | None) -> str:
    facts = [
        fingerprint(parts.train),
        fingerprint(parts.reference),
        settings.model_dump(mode="json"),
        config.export.model_dump(mode="json"),
        *([rung] if rung else []),
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:KEY_CHARS]
