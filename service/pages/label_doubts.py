"""Doubtful labels, which wait until an operator accepts or renames them."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from core.audit.entries import Actor
from core.feedback import add_rule, registered_labels
from core.home import Home
from core.labelling.effects import effects_of
from core.labelling.queue import labels_today
from core.labels import label_name
from core.resemblance import NameIndex
from core.taxonomy import LabelRule
from service.access.actor import actor_of
from service.http.route import Route
from service.pages.shell import Form, Shell, to_page
from service.recording.audit import audited
from service.worker import Worker

MAX_BY_CHARS = 64


@dataclass(frozen=True)
class Doubted:
    """A label that waits; `rows`: predictions that it was given to; `near`: the label that it resembles, or ""."""

    label: str
    rows: int
    near: str


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._home, self._shell = worker.home, shell
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        return [self._shell.change("/{model}/label/doubtful", self.settle)]

    async def settle(self, request: Request, form: Form) -> Response:
        model, target = request.path_params["model"], label_name(form.get("to", ""))
        action = form.get("action")
        label = label_name(form.get("label", ""))
        rule = LabelRule("rename", label, target) if action == "rename" else LabelRule("accept", label)
        await self._run(settle, self._home, actor_of(request), model, rule)
        return to_page(model, "label")


def settle(home: Home, actor: Actor, model: str, rule: LabelRule) -> int:
    """As `retune labels accept` and `rename`; return how many doubtful labels the rule settles.

    Raises `LabelRuleRefused`, `ModelNotFound` or `Unavailable`.
    """
    home.registry.require_model(model)
    signed = LabelRule(rule.action, rule.label, rule.target, by=actor.who[:MAX_BY_CHARS])
    effects_of(home, model, [signed])
    settled = add_rule(home.ledger, model, signed, registered_labels(home.registry, model).kind)
    facts = {"rule": signed.action, "label": signed.label}
    audited(home, actor, "label_rule", model, facts if signed.target is None else {**facts, "to": signed.target})
    return settled


def doubted(home: Home, model: str) -> list[Doubted]:
    """The most frequent first."""
    found = home.ledger.rules.doubtful(model)
    index = NameIndex(labels_today(home, model)) if found else NameIndex()
    return [Doubted(item.label, item.rows, index.nearest(item.label) or "") for item in found]
