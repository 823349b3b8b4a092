"""Fetching a base model from a hub: all files, with the hashes that the hub lists."""

from __future__ import annotations

import hashlib
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

from core.durable import detect_disk_full, sha256_of
from core.errors import DiskFull, UnusableBaseModel

# No pickles, no code, no weights of other runtimes.
FETCHED = ["*.json", "*.txt", "model.safetensors", "model-*.safetensors"]

_COMMIT = re.compile("[0-9a-f]{40}")
_TIMEOUT_S = 10.0


def fetch(hub_id: str, revision: str) -> Path:
    """The folder, named by the commit, with the files of a revision.

    A commit with a complete copy on this machine needs no network. The settings `HF_HUB_OFFLINE`, `HF_HOME` and
    `HF_ENDPOINT` of the hub client apply. Raises `UnusableBaseModel` or `DiskFull`.
    """
    from huggingface_hub import constants  # imported here: it imports an HTTP client

    cached = _cached_copy(hub_id, revision)
    if cached is not None and (_COMMIT.fullmatch(revision) or constants.HF_HUB_OFFLINE):
        return cached
    _require_reachable(hub_id, revision, cached)
    folder = _download(hub_id, revision)
    mismatched = _mismatched_files(hub_id, folder)
    if mismatched:
        problem = f"{', '.join(mismatched)} in {folder} is not what the hub lists at that commit"
        raise UnusableBaseModel(hub_id, problem, f"Remove {folder.parents[1]} and run the command again.")
    return folder


def _cached_copy(hub_id: str, revision: str) -> Path | None:
    """The folder of a complete copy on this machine.

    The client returns incomplete copies, too (huggingface_hub #4624), for instance if another library fetched only
    some files. A model without its pooling files would load, but compute other embeddings.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import CachedRepoTreeNotFoundError, HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(hub_id, revision=revision, allow_patterns=FETCHED, local_files_only=True))
        return None if _mismatched_files(hub_id, folder) else folder
    except (LocalEntryNotFoundError, CachedRepoTreeNotFoundError, HFValidationError):
        return None


def _mismatched_files(hub_id: str, folder: Path) -> list[str]:
    """Files that the hub lists at this commit and that are missing or altered here."""
    from huggingface_hub import get_cached_repo_tree

    return [
        file.path
        for file in get_cached_repo_tree(hub_id, revision=folder.name)
        if any(fnmatch(file.path, pattern) for pattern in FETCHED) and not _is_intact(folder / file.path, file.size)
    ]


def _is_intact(path: Path, size: int) -> bool:
    """Whether a file has this size, and the hash in the name of the cache file that it links to."""
    if not path.is_file() or path.stat().st_size != size:
        return False
    name = path.resolve().name
    if re.fullmatch("[0-9a-f]{64}", name):
        return sha256_of(path) == name
    if re.fullmatch("[0-9a-f]{40}", name):  # the hash of a git blob
        return hashlib.sha1(f"blob {size}\0".encode() + path.read_bytes()).hexdigest() == name
    return True


def _require_reachable(hub_id: str, revision: str, cached: Path | None) -> None:
    """Ask for the revision once: without a network, the download would retry for 24 s."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    cure = "Name a folder that holds its files, or run the command again with a network."
    if cached is not None:
        cure = f"This machine has a copy: name its commit, {hub_id}@{cached.name}."
    try:
        HfApi().model_info(hub_id, revision=revision, timeout=_TIMEOUT_S)
    except OfflineModeIsEnabled as error:
        problem = "HF_HUB_OFFLINE is set, and this machine has no complete copy"
        raise UnusableBaseModel(hub_id, problem, "Name a folder that holds its files, or unset it.") from error
    except Exception as error:  # errors of the client and of its HTTP library have no common base class
        raise _as_unusable(error, hub_id, f"the hub could not be reached ({type(error).__name__})", cure) from error


def _download(hub_id: str, revision: str) -> Path:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]  # missing in its __all__

    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        with detect_disk_full(constants.HF_HUB_CACHE):
            return Path(snapshot_download(hub_id, revision=revision, allow_patterns=FETCHED))
    except DiskFull:
        raise
    except Exception as error:  # errors of the client, its HTTP library and its Rust transport
        problem = f"its download was interrupted ({type(error).__name__})"
        cure = "Run the command again: it fetches the missing files."
        raise _as_unusable(error, hub_id, problem, cure) from error


def _as_unusable(error: Exception, hub_id: str, problem: str, cure: str) -> UnusableBaseModel:
    """The error for the hub's response, else one with `problem` and `cure`."""
    from huggingface_hub import errors

    answers: list[tuple[type[Exception], str, str]] = [
        # GatedRepoError is a subclass of RepositoryNotFoundError.
        (errors.GatedRepoError, "the hub asks to accept its terms first", "Do so there, then run 'hf auth login'."),
        (errors.RepositoryNotFoundError, "the hub shows no such model", "Check the id, or run 'hf auth login'."),
        (errors.RevisionNotFoundError, "the hub knows no such revision of it", "Name a commit that its page lists."),
        (errors.HFValidationError, "it is not a valid hub id", "Check the id."),
    ]
    for kind, answer, answer_cure in answers:
        if isinstance(error, kind):
            return UnusableBaseModel(hub_id, answer, answer_cure)
    return UnusableBaseModel(hub_id, problem, cure)
