"""API keys: who may call a server, for what and how often. Only a hash of a key's secret is stored.

All keys are in <home>/keys.json, which only the file's owner can read; neither database nor registry is needed.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from core.durable import file_lock, write_bytes
from core.errors import BurstWithoutRate, InvalidName, KeyNameTaken, KeyNotFound, KeysUnreadable, UnusableRate

KeyScope = Literal["predict", "feedback", "label", "admin"]
"""`label`: read the queue of texts to label and give labels, so it includes `feedback`."""

PREFIX = "rt"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
SECRET_BYTES = 32
MIN_RATE, MAX_RATE, MAX_BURST = 0.0001, 1e6, 1_000_000
# If the id is unknown, the secret is compared with this hash, which no secret has.
UNKNOWN_KEY_SHA256 = "0" * 64


class ApiKey(BaseModel):
    """A key as it is stored. `rate` is in requests a second, `burst` in requests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    id: str
    secret_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: tuple[KeyScope, ...]
    rate: Annotated[float, Field(ge=MIN_RATE, le=MAX_RATE)] | None = None
    burst: Annotated[int, Field(ge=1, le=MAX_BURST)] = 1
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)

    def allows(self, needed: KeyScope) -> bool:
        return needed in self.scopes or (needed == "feedback" and "label" in self.scopes)

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and not self.has_expired


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: tuple[ApiKey, ...]


def read_keys(path: Path) -> tuple[ApiKey, ...] | None:
    """All keys, revoked ones included, in the order in which they were added; None if there is no file.

    Raises `KeysUnreadable` for a file that is damaged or that may not be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeysUnreadable(path, error.strerror or "access failed") from error
    try:
        return _KeyFile.model_validate_json(content).keys
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise KeysUnreadable(path, f"{place}: {first['msg']}" if place else first["msg"]) from error


def add_key(
    path: Path,
    name: str,
    scopes: Sequence[KeyScope],
    *,
    rate: float | None = None,
    burst: int | None = None,
    expires_s: float | None = None,
    on_first: Callable[[], None] = lambda: None,
) -> tuple[ApiKey, str]:
    """Add a key; return it with its text `rt_<public id>_<secret>`, which is not stored.

    `on_first` is called before the file is made with its first key; if it raises, no file is made.
    Raises `InvalidName`, `KeyNameTaken` for the name of a live key, `UnusableRate` or `BurstWithoutRate`.
    """
    if not NAME.fullmatch(name):
        raise InvalidName("Key", name, "letters, digits, '-', '_' or '.'")
    if rate is not None and not MIN_RATE <= rate <= MAX_RATE:
        raise UnusableRate(rate, MIN_RATE, MAX_RATE)
    if burst is not None and rate is None:
        raise BurstWithoutRate(burst)
    secret = secrets.token_hex(SECRET_BYTES)
    now = datetime.now(UTC)
    key = ApiKey(
        name=name,
        id=secrets.token_hex(8),
        secret_sha256=_sha256(secret),
        scopes=tuple(dict.fromkeys(scopes)),
        rate=rate,
        burst=burst or math.ceil(rate or 1),
        created_at=now,
        expires_at=None if expires_s is None else now + timedelta(seconds=expires_s),
    )
    with _locked(path):
        found = read_keys(path)
        if found is None:
            on_first()
        keys = found or ()
        if any(other.name == name and other.is_live for other in keys):
            raise KeyNameTaken(name)
        _write(path, (*keys, key))
    return key, f"{PREFIX}_{key.id}_{secret}"


def revoke_key(path: Path, name: str) -> ApiKey:
    """Revoke the live key of that name and return it; raises `KeyNotFound` if there is none."""
    with _locked(path):
        keys = read_keys(path) or ()
        live = [key for key in keys if key.is_live]
        if name not in [key.name for key in live]:
            raise KeyNotFound(name, [key.name for key in live])
        revoked = next(key for key in live if key.name == name).model_copy(update={"revoked_at": datetime.now(UTC)})
        # The position stays: servers count the requests of a key by its position in the file.
        _write(path, tuple(revoked if key.id == revoked.id else key for key in keys))
    return revoked


def split_key(text: str) -> tuple[str, str]:
    """The public id and the secret in a key's text; two empty strings if the text is not a key.

    >>> split_key("rt_5a0c_e1f2"), split_key("something else")
    (('5a0c', 'e1f2'), ('', ''))
    """
    prefix, _, rest = text.partition("_")
    public_id, _, secret = rest.partition("_")
    return (public_id, secret) if prefix == PREFIX and secret else ("", "")


def verify_secret(key: ApiKey | None, secret: str) -> bool:
    """Whether the secret belongs to the key; an unknown key (None) takes the same time as a wrong secret."""
    expected = key.secret_sha256 if key else UNKNOWN_KEY_SHA256
    return hmac.compare_digest(_sha256(secret), expected)


def _sha256(secret: str) -> str:
    # No slow hash: it would only protect passwords that can be guessed, and the secret is 256 random bits.
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _locked(path: Path) -> AbstractContextManager[None]:
    """Lock the file: two commands that run at the same time must not overwrite each other's key."""
    return file_lock(path.with_name(f".{path.name}.lock"), mode=0o600)


def _write(path: Path, keys: Sequence[ApiKey]) -> None:
    write_bytes(path, _KeyFile(keys=tuple(keys)).model_dump_json(indent=1).encode(), mode=0o600)
