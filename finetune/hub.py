"""A base model from a hub: complete and as the hub lists it, or refused with the way out."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from core.durable import disk_full_is_said, sha256_of
from core.errors import UnusableBaseModel

# No pickles, no code, no weights of other runtimes.
FETCHED = ["*.json", "*.txt", "model.safetensors", "model-*.safetensors"]

_BY_HAND = "Name a folder that holds the files"
_AGAIN = "Run the command again: the download goes on where it stopped."


def fetch(hub_id: str, revision: str) -> Path:
    """The folder, named by its commit, with the files of a revision; from this machine's cache where it has them all.

    Raises `UnusableBaseModel` or `DiskFull`. `HF_HUB_OFFLINE`, `HF_HOME` and `HF_ENDPOINT` are the hub
    client's own settings and hold.
    """
    # Imported here: it pulls an HTTP client that folders do not need.
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]  # missing in its __all__

    constants.HF_HUB_DISABLE_TELEMETRY = True
    if not sys.stderr.isatty():
        disable_progress_bars()
    with disk_full_is_said(constants.HF_HUB_CACHE):
        try:
            folder = Path(snapshot_download(hub_id, revision=revision, allow_patterns=FETCHED))
        except Exception as error:
            # Errors of the client, of its HTTP library and of its transport in Rust have no common base.
            raise UnusableBaseModel(hub_id, *_refusal(error, hub_id, revision)) from error
    _require_complete(hub_id, folder)
    return folder


def _refusal(error: Exception, hub_id: str, revision: str) -> tuple[str, str]:
    """What went wrong and what helps, from the class of the client's error."""
    from huggingface_hub import constants, errors

    if isinstance(error, errors.GatedRepoError):
        return "the hub gives it only to those who accepted its terms", "Accept them there and run 'hf auth login'."
    if isinstance(error, errors.RepositoryNotFoundError):
        return "the hub knows no such model, or keeps it private", f"Check {hub_id!r}, or run 'hf auth login'."
    if isinstance(error, errors.RevisionNotFoundError):
        return f"the hub knows no revision {revision!r} of it", "Name a commit that its page lists."
    if isinstance(error, errors.HFValidationError):
        return "the hub allows no such id", "Check it."
    if isinstance(error, errors.LocalEntryNotFoundError):
        if constants.HF_HUB_OFFLINE:
            return "HF_HUB_OFFLINE is set, and this machine has no complete copy", f"Unset it. {_BY_HAND} otherwise."
        return f"the hub could not be reached{_because(error)}", f"{_BY_HAND}, or try again with a network."
    return f"the download broke off{_because(error)}", _AGAIN


def _because(error: BaseException) -> str:
    """The class of the error at the bottom of the chain, which names the cause best."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f" ({type(error).__name__})"


def _require_complete(hub_id: str, folder: Path) -> None:
    """Every file that the hub lists at this commit is here, at its size and, where listed, with its sha256.

    Without a network the client gives whatever files it has (huggingface_hub #4624): without its pooling a
    model would still load, and be another one.
    """
    from huggingface_hub import get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    try:
        listed = get_cached_repo_tree(hub_id, revision=folder.name)
    except CachedRepoTreeNotFoundError as error:
        problem = f"{folder} holds files of it, but not the list that tells whether they are all"
        raise UnusableBaseModel(hub_id, problem, f"Try again with a network. {_BY_HAND} otherwise.") from error
    wanted = [file for file in listed if any(fnmatch(file.path, pattern) for pattern in FETCHED)]
    wrong = [
        file.path
        for file in wanted
        if not _fits(folder / file.path, file.size, file.lfs.sha256 if file.lfs is not None else None)
    ]
    if wrong:
        raise UnusableBaseModel(hub_id, *_damage(folder, wrong))


def _fits(path: Path, size: int, sha256: str | None) -> bool:
    if not path.is_file() or path.stat().st_size != size:
        return False
    return sha256 is None or sha256_of(path) == sha256


def _damage(folder: Path, wrong: Iterable[str]) -> tuple[str, str]:
    problem = f"{', '.join(wrong)} in {folder} is not what the hub lists at that commit"
    return problem, "Remove that folder and run the command again."
