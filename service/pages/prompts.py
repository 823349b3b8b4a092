"""What to do next, as a link of a page instead of a command."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from core.errors import ModelFrozen, RetuneError
from core.overview.facts import ModelOverview


@dataclass(frozen=True)
class Prompt:
    href: str
    words: str


# The first words of a command, the page of the model on which it is done by hand, and what the link says.
_PAGES = {
    ("promote",): ("versions", "Choose a version"),
    ("rollback",): ("rollback", "Roll back"),
    ("verify",): ("versions", "Look at its versions"),
    ("accept",): ("", "Look at the proposal"),
    ("retrain",): ("", "Retrain"),
    ("unfreeze",): ("", "End the freeze"),
    ("resume",): ("", "See what holds it back"),
    ("jobs", "log"): ("", "See what failed"),
    ("labels", "list"): ("label", "Settle them"),
    ("labels", "export"): ("label", "Label"),
}


def prompt(model: ModelOverview) -> Prompt | None:
    """None if nothing waits, or if it cannot be done on a page."""
    words = model.next.words
    found = _PAGES.get(tuple(words[:1])) or _PAGES.get(tuple(words[:2]))
    if found is None:
        return None
    page, told = found
    of_model = _page(model.model)
    return Prompt(f"{of_model}/{page}" if page else of_model, told)


def cure(error: RetuneError) -> Prompt | None:
    """The page on which a person can do what the sentence of the error names a command for."""
    return Prompt(_page(error.model), "End the freeze on the model's page") if isinstance(error, ModelFrozen) else None


def _page(model: str) -> str:
    return f"/dashboard/{quote(model, safe='')}"
