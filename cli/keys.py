"""`retune keys`: who may call a server, for what and how often."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

import click

from cli.context import Run, info, pass_run
from core.api_keys import MAX_BURST, ApiKey, KeyScope, add_key, read_keys, revoke_key
from core.audit.entries import Action
from core.duration import seconds_of
from core.errors import InvalidDuration, InvalidInput
from core.home import Home
from core.keys_in_use import note_keys

# A later date may exceed the largest `datetime`.
LEDGER_TIMEOUT_S = 5.0
MAX_EXPIRES_S = 100 * 365 * 86400
NO_FILE = "There is no key file {}: /predict and /feedback are open."
NO_KEYS = "There are no keys, and /predict and /feedback need one."


@click.group()
def keys() -> None:
    """API keys of the servers of this home; a running server uses changes within a second."""


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(get_args(KeyScope)),
    help="What the key may do; may be repeated.",
)
@click.option("--rate", type=float, help="Requests a second [default: no limit].")
@click.option("--burst", type=click.IntRange(1, MAX_BURST), help="Requests in a burst [default: RATE].")
@click.option("--expires", help="Time until it expires, e.g. 12h or 90d [default: never].")
@click.option("--yes", is_flag=True, help="Make the first key without a question: it closes /predict and /feedback.")
@pass_run
def add(
    run: Run,
    name: str,
    scopes: tuple[KeyScope, ...],
    rate: float | None,
    burst: int | None,
    expires: str | None,
    yes: bool,
) -> None:
    """Make a key and print it once; only its hash is stored. The first key closes the routes of clients."""
    path = run.config.keys_file
    expires_s = _validity_s(expires) if expires else None
    confirm = partial(_confirm_first, path, scopes, is_confirmed=yes)
    key, text = add_key(path, name, scopes, rate=rate, burst=burst, expires_s=expires_s, on_first=confirm)
    note_keys(run.config)
    _record(run, "add_key", key)
    run.emit({**_facts(key), "key": text}, text)
    info(f"Key {name!r} is shown this once. Clients send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'.")


def _confirm_first(path: Path, scopes: Sequence[KeyScope], *, is_confirmed: bool) -> None:
    """Say what the first key closes. Raises `InvalidInput` unless `--yes` or the person at the terminal agrees."""
    missing = [scope for scope in ("predict", "feedback") if scope not in scopes]
    lacks = f" This key cannot call them: it lacks the scope {' and '.join(missing)}." if missing else ""
    info(
        "This is the first key. From now on /predict and /feedback need a key, and so do /models and /v2, "
        f"as long as {path} exists: clients without one get 401.{lacks}"
    )
    if is_confirmed or (sys.stdin.isatty() and click.confirm("Make it?", err=True)):
        return
    raise InvalidInput("No key was made. Confirm the first key with --yes.")


def _validity_s(expires: str) -> float:
    validity_s = seconds_of(expires)
    if not 0 < validity_s <= MAX_EXPIRES_S:
        raise InvalidDuration(expires)
    return validity_s


@keys.command("list")
@pass_run
def list_keys(run: Run) -> None:
    """List the keys, also revoked and expired ones, without their secrets."""
    known = read_keys(run.config.keys_file)
    run.emit(
        {"keys": [_facts(key) for key in known or ()]},
        *(map(_line, known) if known else [_none_yet(run, has_file=known is not None)]),
    )


@keys.command()
@click.argument("name")
@pass_run
def revoke(run: Run, name: str) -> None:
    """Revoke a key; running servers refuse it within a second."""
    key = revoke_key(run.config.keys_file, name)
    _record(run, "revoke_key", key)
    run.emit(_facts(key), f"Key {name!r} is revoked.")


def _record(run: Run, action: Action, key: ApiKey) -> None:
    """For the audit; the ledger is waited for a few seconds only, as keys do not need it."""
    home = Home(run.config, busy_s=LEDGER_TIMEOUT_S)
    facts = key.model_dump(mode="json", include={"name", "id", "scopes", "rate", "expires_at"})
    run.record(action, facts=facts, home=home)
    home.close()


def _facts(key: ApiKey) -> dict[str, Any]:
    return {**key.model_dump(mode="json", exclude={"secret_sha256"}), "status": _status(key)}


def _status(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.has_expired else "live"


def _none_yet(run: Run, *, has_file: bool) -> str:
    state = NO_KEYS if has_file else NO_FILE.format(run.config.keys_file)
    return f"{state} Add a key: {run.hint('keys', 'add', 'NAME', '--scope', 'predict')}"


def _line(key: ApiKey) -> str:
    rate = f"{key.rate:g}/s, burst {key.burst}" if key.rate else "no limit"
    expires = f"until {key.expires_at:%d %b %Y %H:%M} UTC" if key.expires_at else "no end"
    return f"{key.name:<24} {_status(key):<8} rt_{key.id}_…  {', '.join(key.scopes)}  ({rate}; {expires})"
