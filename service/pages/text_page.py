"""The page of a stored text: which words speak for the answer, and which labelled texts are like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.errors import RetuneError
from core.home import Home
from core.stored_text import StoredText, stored_text
from service.http.route import Route
from service.pages.shell import Shell
from service.refusals import TextNotFound
from service.worker import Worker

STRENGTHS = 5
WEAK = 0.02
"""Weights below it are not marked."""
SHOWN_CHARS = 4_000


@dataclass(frozen=True)
class Piece:
    """Part of a text. `strength`: 1 to 5 if it speaks for the answer, −1 to −5 against it, 0 if it hardly matters."""

    text: str
    weight: float = 0.0
    strength: int = 0


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._worker, self._shell = worker, shell

    def routes(self) -> list[Route]:
        return [self._shell.page("/{model}/texts/{id}", self.text, scope="label")]

    async def text(self, request: Request) -> Response:
        model, given = request.path_params["model"], request.path_params["id"]
        stored = await self._worker.run_for_operator(_stored, self._worker.home, model, given)
        if not (stored.is_asked or request.scope["state"].get("is_operator", False)):
            raise TextNotFound(given)
        facts: dict[str, Any] = {"explained": None, "problem": ""}
        if stored.text:
            try:
                facts["explained"] = await self._worker.explainer.of_text(model, stored.text, stored.pair)
            except RetuneError as error:  # the text is shown without it
                facts["problem"] = str(error)
        explained = facts["explained"] or {}
        if "error" in explained:
            facts = {"explained": None, "problem": explained["error"]["message"]}
        texts = [stored.text] if stored.pair is None else [stored.text, stored.pair]
        parts = (facts["explained"] or {}).get("parts", [])
        shown = [
            pieces(text, [part for part in parts if part.get("of", 0) == place]) for place, text in enumerate(texts)
        ]
        return self._shell.render_of_model(request, "text.html", model, stored=stored, shown=shown, **facts)


def _stored(home: Home, model: str, prediction_id: str) -> StoredText:
    """Raises `ModelNotFound` or `TextNotFound`."""
    home.registry.require_model(model)
    found = stored_text(home.ledger.database, model, prediction_id)
    if found is None:
        raise TextNotFound(prediction_id)
    return found


def pieces(text: str, parts: Sequence[dict[str, Any]]) -> list[Piece]:
    """The text in pieces, those that weigh something with their strength relative to the strongest.

    >>> pieces("card lost", [{"start": 5, "end": 9, "weight": 0.5}])
    [Piece(text='card ', weight=0.0, strength=0), Piece(text='lost', weight=0.5, strength=5)]
    """
    most = max((abs(part["weight"]) for part in parts), default=0.0)
    found, end = list[Piece](), 0
    for part in sorted(parts, key=lambda part: int(part["start"])):
        if part["start"] > end:
            found.append(Piece(text[end : part["start"]]))
        found.append(Piece(text[part["start"] : part["end"]], part["weight"], _strength(part["weight"], most)))
        end = part["end"]
    return [*found, Piece(text[end : end + SHOWN_CHARS])] if end < len(text) else found


def _strength(weight: float, most: float) -> int:
    if abs(weight) < WEAK:
        return 0
    size = max(1, round(STRENGTHS * abs(weight) / most))
    return size if weight > 0 else -size
