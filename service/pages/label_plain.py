"""The page for labels without scripts: one text, or one group, and a form."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from core.labelling.answers import Answer
from core.labelling.claims import Labeller
from core.labelling.queue import labels_today
from core.labels import names_in
from service.access.actor import actor_of
from service.http.route import Route
from service.pages.label_forms import Refused, Sent, TakenBack, answer_of, labeller_of, source_of
from service.pages.label_store import store_answers
from service.pages.label_texts import Wish, next_texts
from service.pages.label_view import progress_of
from service.pages.shell import Form, Shell
from service.worker import Worker

MAX_LATER = 50


@dataclass(frozen=True)
class _Window:
    """What the form carries from text to text. `later`: texts that were put off; `last`: the answer to take back."""

    labeller: Labeller
    later: tuple[str, ...] = ()
    last: str = ""
    told: str = ""


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._worker, self._shell = worker, shell
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        path = "/{model}/label/plain"
        return [
            self._shell.page(path, self.begin, scope="label"),
            self._shell.change(path, self.answer, scope="label"),
        ]

    async def begin(self, request: Request) -> Response:
        name = {"name": request.query_params.get("name", "")}
        return await self._shown(request, _Window(Labeller(source_of(request, name), secrets.token_hex(8))))

    async def answer(self, request: Request, form: Form) -> Response:
        model, labeller = request.path_params["model"], labeller_of(request, form)
        later = tuple(filter(None, form.get("later", "").split(",")))[-MAX_LATER:]
        if form.get("act") == "skip":
            first = form.get("predictions", "").split(",")[0]
            return await self._shown(request, _Window(labeller, (*later, first), form.get("last", "")))
        kind = (await self._run(self._worker.labels_of, model)).kind
        sent = sent_in(form, is_multi=kind == "multi-label")
        store = (self._worker, actor_of(request), model, labeller.who, [sent])
        (outcome,) = await self._run(store_answers, *store)
        last = sent.id if isinstance(sent, Answer) and outcome["status"] != "refused" else ""
        return await self._shown(request, _Window(labeller, later, last, outcome["told"]))

    async def _shown(self, request: Request, window: _Window) -> Response:
        model, home = request.path_params["model"], self._worker.home
        await self._run(home.registry.require_model, model)
        found = await next_texts(self._worker, model, Wish(window.labeller, later=window.later, count=1))
        facts = {
            "item": next(iter(found["texts"]), None),
            "none": found["none"],
            "labels": await self._run(labels_today, home, model),
            "kind": (await self._run(self._worker.labels_of, model)).kind,
            "progress": await self._run(progress_of, home, model),
            "window": window,
            "answer_id": secrets.token_hex(16),
        }
        return self._shell.render_of_model(request, "label_plain.html", model, **facts)


def sent_in(form: Form, *, is_multi: bool) -> Sent:
    """What the form says of its texts; near ones without a mark are not answered."""
    if form.get("act") == "undo":
        return TakenBack(form.get("last", ""))
    first, *near = form.get("predictions", "").split(",")
    ids = [first, *(key for key in near if form.get(f"same-{key}"))]
    label = form.get("label", "")
    if form.get("act", "label") == "label" and not is_multi and not label.strip():
        return Refused("", "No label was chosen, so nothing was stored. Choose one, or another button.")
    item = {"id": form.get("id"), "predictions": ids, "said": form.get("act", "label")}
    return answer_of(
        {**item, "label": list(names_in(label)) if is_multi else label, "is_meant": bool(form.get("meant"))}
    )
