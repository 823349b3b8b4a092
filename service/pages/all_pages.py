"""The routes of all pages."""

from __future__ import annotations

from service.http.route import Route
from service.pages import (
    assets,
    audit,
    champion_forms,
    checks,
    history,
    jobs,
    label,
    label_doubts,
    label_files,
    label_plain,
    live,
    loop_forms,
    model_page,
    overview,
    session,
    settings,
    text_page,
    versions,
)
from service.pages.shell import Shell
from service.worker import Worker

PAGES = (
    session,
    text_page,
    overview,
    live,
    jobs,
    model_page,
    versions,
    champion_forms,
    loop_forms,
    checks,
    label,
    label_plain,
    label_files,
    label_doubts,
    audit,
    history,
    settings,
)


def routes_of(worker: Worker, shell: Shell) -> list[Route]:
    return [*assets.routes(), *(route for page in PAGES for route in page.Endpoints(worker, shell).routes())]
