"""The page on which people label texts, by keyboard, several at once."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from core.labelling.claims import LabelClaims
from core.labels import label_name
from service.access.actor import actor_of
from service.http.route import Route
from service.pages.label_forms import answers_in, ids_in, labeller_of, require_same_person, source_of
from service.pages.label_store import store_answers
from service.pages.label_texts import Wish, next_texts
from service.pages.label_view import asked_by_model, judged, page_facts, progress_of
from service.pages.shell import Form, Shell, rendered_json
from service.worker import Worker


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._worker, self._home, self._shell = worker, worker.home, shell
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        page, data, script = self._shell.page, self._shell.data, self._shell.change_by_script
        return [
            page("/-/label", self.models, scope="label"),
            page("/{model}/label", self.label, scope="label"),
            data("/{model}/label/session", self.session, scope="label"),
            data("/{model}/label/name", self.name, scope="label"),
            script("/{model}/label/next", self.next, scope="label"),
            script("/{model}/label/answers", self.answers, scope="label"),
            script("/{model}/label/release", self.release, scope="label"),
        ]

    async def models(self, request: Request) -> Response:
        asked = await self._run(asked_by_model, self._home)
        return self._shell.render(request, "label_models.html", asked=asked)

    async def label(self, request: Request) -> Response:
        model = request.path_params["model"]
        is_operator = request.scope["state"].get("is_operator", False)
        facts = await self._run(partial(page_facts, self._worker, model, is_operator=is_operator))
        again = request.query_params.get("again") == "1"
        return self._shell.render_of_model(request, "label.html", model, again=again, **facts)

    async def session(self, request: Request) -> Response:
        """What the script of a page needs whose session has ended, after the person logged in elsewhere."""
        return rendered_json({"form_token": self._shell.form_token(request), "who": actor_of(request).who})

    async def name(self, request: Request) -> Response:
        model, label = request.path_params["model"], label_name(request.query_params.get("label", ""))
        return rendered_json(await self._run(judged, self._home, model, label))

    async def next(self, request: Request, form: Form) -> Response:
        model = request.path_params["model"]
        await self._run(self._home.registry.require_model, model)
        wish = Wish(
            labeller_of(request, form),
            have=ids_in(form, "have"),
            first=form.get("first", ""),
            later=ids_in(form, "later"),
            again=form.get("again") == "1",
        )
        found = await next_texts(self._worker, model, wish)
        asked = await self._run(progress_of, self._home, model)
        return rendered_json({**found, "progress": asked})

    async def answers(self, request: Request, form: Form) -> Response:
        model, sent = request.path_params["model"], answers_in(form)
        require_same_person(request, form)
        source = source_of(request, form)
        told = await self._run(store_answers, self._worker, actor_of(request), model, source, sent)
        asked = await self._run(progress_of, self._home, model)
        return rendered_json({"answers": told, "progress": asked})

    async def release(self, request: Request, form: Form) -> Response:
        model, labeller = request.path_params["model"], labeller_of(request, form)
        await self._run(LabelClaims(self._home.ledger.database).release, model, labeller)
        return rendered_json({})
