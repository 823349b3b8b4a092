"""Promotion and roll back on pages: each is confirmed on a page that says what it changes."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from core import promotion
from core.change_words import ROLLED_BACK
from core.errors import ChampionChanged, InvalidInput, NothingToRollBackTo, RefusedByGate, RolledBackByGuard
from core.home import Home
from core.ledger_tables.proposals import Proposal
from core.registry import Champion
from core.version_facts import KnownVersions
from service.access.actor import actor_of
from service.http.champion_changes import Change, change_champion, put_in_service
from service.http.loop import MAX_REASON_CHARS
from service.http.route import Route
from service.pages.ledger_needed import require_ledger
from service.pages.shell import Form, Shell, to_page
from service.pages.version_view import VersionView, version_view
from service.refusals import BackToAnother, RefusedVersion
from service.worker import Worker


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._worker, self._home, self._shell = worker, worker.home, shell
        self._run = worker.run_for_operator
        self._known = KnownVersions(worker.home.registry)

    def routes(self) -> list[Route]:
        promote, roll_back = "/{model}/versions/{version}/promote", "/{model}/rollback"
        return [
            self._shell.page(promote, self.confirm_promotion),
            self._shell.change(promote, self.promote),
            self._shell.page(roll_back, self.confirm_roll_back),
            self._shell.change(roll_back, self.roll_back),
        ]

    async def confirm_promotion(self, request: Request) -> Response:
        model, version = request.path_params["model"], request.path_params["version"]
        view, why = await self._run(_promotion, self._home, self._known, model, version)
        return self._shell.render_of_model(request, "promote.html", model, view=view, why_refused=why)

    async def promote(self, request: Request, form: Form) -> Response:
        model, version = request.path_params["model"], request.path_params["version"]
        force, reason = form.get("force") == "yes", reason_in(form)
        is_forced = await self._run(_needs_force, self._home, model, version, force, reason)
        change = partial(put_in_service, version=version, expected=form.get("expected") or None, force=is_forced)
        said = noted("Promoted on the page, by force" if is_forced else "Promoted on the page", reason)
        await change_champion(self._worker, model, Change(change, "promote", said), actor_of(request))
        return to_page(model, "versions", version)

    async def confirm_roll_back(self, request: Request) -> Response:
        model = request.path_params["model"]
        view, proposal = await self._run(_roll_back, self._home, self._known, model)
        return self._shell.render_of_model(request, "rollback.html", model, view=view, proposal=proposal)

    async def roll_back(self, request: Request, form: Form) -> Response:
        model = request.path_params["model"]
        expected, target = form.get("expected", ""), form.get("target", "")
        said = noted(f"{ROLLED_BACK} on the page", reason_in(form))
        pointer = await self._run(_require_roll_back, self._home, model, expected, target)
        change = Change(partial(promotion.roll_back, expected=pointer), "roll_back", said)
        await change_champion(self._worker, model, change, actor_of(request))
        return to_page(model, "versions", target)


def reason_in(form: Form) -> str:
    """Raises `InvalidInput`."""
    reason = form.get("reason", "").strip()
    if "\0" in reason:
        raise InvalidInput("The reason has a NUL character. Remove it.")
    if len(reason) > MAX_REASON_CHARS:
        raise InvalidInput(f"The reason has {len(reason)} characters. Write at most {MAX_REASON_CHARS}.")
    return reason


def noted(what: str, reason: str) -> str:
    """
    >>> noted("Rolled back on the page", ""), noted("Promoted on the page", "It is better"), noted("Promoted", "Now!")
    ('Rolled back on the page.', 'Promoted on the page: It is better.', 'Promoted: Now!')
    """
    said = f"{what}: {reason}" if reason else what
    return said if said.endswith((".", "!", "?", "…")) else f"{said}."


def goes_back_to(home: Home, model: str) -> tuple[Champion, str]:
    """The champion, and the version that a roll back puts in service. Raises `NoChampion` or `NothingToRollBackTo`."""
    champion, known = home.registry.champion(model), home.registry.versions(model)
    target = next((one for one in reversed(champion.previous) if one in known), None)
    if target is None:
        raise NothingToRollBackTo(model)
    return champion, target


def _promotion(home: Home, known: KnownVersions, model: str, version: str) -> tuple[VersionView, str]:
    """The version beside the champion, and why only force puts it in service, "" if nothing is against it."""
    home.registry.require_model(model)
    home.registry.folder(model, version)
    require_ledger(home, model, to_write=False)
    return version_view(home, known, model, version, _champion_or(home, model)), _why_refused(home, model, version)


def _champion_or(home: Home, model: str) -> str | None:
    pointer = home.registry.readable_pointer(model)
    return pointer.version if pointer else None


def _why_refused(home: Home, model: str, version: str) -> str:
    try:
        promotion.require_promotable(home, model, version)
    except (RefusedByGate, RolledBackByGuard) as refusal:
        return refusal.why
    return ""


def _needs_force(home: Home, model: str, version: str, force: bool, reason: str) -> bool:
    """Whether only force puts the version in service. Raises `RefusedVersion` if it does and is not given, with a
    reason.
    """
    home.registry.require_model(model)
    home.registry.folder(model, version)
    require_ledger(home, model)
    why = _why_refused(home, model, version)
    if why and not (force and reason):
        raise RefusedVersion(model, version, why)
    return bool(why)


def _roll_back(home: Home, known: KnownVersions, model: str) -> tuple[VersionView, Proposal | None]:
    """The version that comes back beside the champion, and the proposal to do so, if it is open."""
    home.registry.require_model(model)
    champion, target = goes_back_to(home, model)
    require_ledger(home, model, to_write=False)
    proposal = home.ledger.proposals.open(model)
    is_it = proposal is not None and proposal.action == "roll back" and proposal.version == champion.version
    return version_view(home, known, model, target, champion.version), proposal if is_it else None


def _require_roll_back(home: Home, model: str, expected: str, target: str) -> Champion:
    """The pointer that the page showed."""
    home.registry.require_model(model)
    require_ledger(home, model)
    champion = home.registry.champion(model)
    if champion.version != expected:
        raise ChampionChanged(model, expected or None, champion.version)
    pointer, now = goes_back_to(home, model)
    if now != target:
        raise BackToAnother(model, target, now)
    return pointer
