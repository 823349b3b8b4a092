"""The page of the settings: what holds, where it comes from, and what has to be started again to change it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response

from core.clock import utc_now
from core.config_sources import Sources
from core.freezes import freeze_of
from core.home import Home
from core.loop.policy_words import policy_words
from core.policy_config import Mode
from core.settings import Setting, settings_of, unknown_models
from service.http.paging import require_known
from service.http.route import Route
from service.pages.shell import Shell
from service.worker import Worker


@dataclass(frozen=True)
class ModelSettings:
    """How far the loop may go with a model, in sentences; `own`: the keys that are set for this model alone."""

    model: str
    mode: Mode
    sentences: list[str]
    own: list[str]
    frozen: str


@dataclass(frozen=True)
class View:
    sections: list[tuple[str, list[Setting]]]
    models: list[ModelSettings]
    unknown: list[str]


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._worker, self._shell = worker, shell

    def routes(self) -> list[Route]:
        return [self._shell.page("/-/settings", self.settings)]

    async def settings(self, request: Request) -> Response:
        require_known(request, ())
        view = await self._worker.run_for_operator(view_of, self._worker.home, self._worker.sources)
        return self._shell.render(request, "settings.html", view=view)


def view_of(home: Home, sources: Sources) -> View:
    models = home.registry.models()
    by_section = groupby(settings_of(home.config, sources), key=lambda setting: setting.key.partition(".")[0])
    return View(
        [(section, list(settings)) for section, settings in by_section],
        [_of_model(home, model) for model in models],
        unknown_models(home.config, models),
    )


def _of_model(home: Home, model: str) -> ModelSettings:
    policy = home.config.policy.of(model, min_texts=home.config.labels.min_texts)
    own = home.config.policy.models.get(model)
    frozen = freeze_of(home.registry, model, now=utc_now())
    return ModelSettings(
        model,
        policy.mode,
        policy_words(policy),
        list(own.model_dump(exclude_none=True)) if own else [],
        frozen.words if frozen else "",
    )
