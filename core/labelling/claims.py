"""Who has which text in front of them: several people who label at once never get the same one."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from core.database import Database
from core.schema import label_claims, left_to_others

LEASE_S = 300.0
"""How long a window that is no longer heard of keeps its texts."""
GRACE_S = 15.0
"""How long a window that was closed keeps them: it may only be loaded again."""
Together = Sequence[str]
"""Predictions that are answered together, the typical one first."""


@dataclass(frozen=True)
class Labeller:
    """`who` gives the labels: their source; `tab`: the window that holds the texts, whatever name is typed in it."""

    who: str
    tab: str


class LabelClaims:
    """Every method is one transaction. Times are seconds since 1970."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hold(
        self,
        model: str,
        labeller: Labeller,
        asked: Sequence[Together],
        *,
        count: int,
        first: str = "",
        later: Collection[str] = (),
        now_s: float | None = None,
    ) -> list[Together]:
        """The first `count` of those `asked` that nobody else holds and that `who` did not leave to others; those that
        the window holds come first. It holds these until `LEASE_S` from now, and no others.

        `first`, `later`: typical predictions that come before or after all others.
        """
        now_s = time.time() if now_s is None else now_s
        with self._database.write() as connection:
            holders = _holders(connection, model, now_s)
            left = _left(connection, model, labeller.who)
            free = [
                together
                for together in asked
                if together[0] not in left and all(holders.get(key, labeller.tab) == labeller.tab for key in together)
            ]
            place = {key: (key != first, key in later, key not in holders) for key, *_ in free}
            held = sorted(free, key=lambda together: place[together[0]])[:count]
            ended = (label_claims.c.until_s <= now_s) | (label_claims.c.tab == labeller.tab)
            connection.execute(label_claims.delete().where(label_claims.c.model == model, ended))
            rows = [
                {"prediction_id": key, "model": model, **vars(labeller), "until_s": now_s + LEASE_S}
                for together in held
                for key in together
            ]
            if rows:
                connection.execute(insert(label_claims), rows)
        return held

    def release(self, model: str, labeller: Labeller, *, now_s: float | None = None) -> None:
        """The window was closed: others get its texts `GRACE_S` from now."""
        now_s = time.time() if now_s is None else now_s
        ends_later = label_claims.c.until_s > now_s + GRACE_S
        which = (label_claims.c.model == model, label_claims.c.tab == labeller.tab, ends_later)
        with self._database.write() as connection:
            connection.execute(label_claims.update().where(*which).values(until_s=now_s + GRACE_S))

    def leave(self, model: str, who: str, predictions: Together) -> None:
        """The person leaves them to others, and does not get them again."""
        mine = (left_to_others.c.model == model, left_to_others.c.who == who)
        with self._database.write() as connection:
            connection.execute(left_to_others.delete().where(*mine, left_to_others.c.prediction_id.in_(predictions)))
            rows = [{"prediction_id": key, "who": who, "model": model} for key in dict.fromkeys(predictions)]
            connection.execute(insert(left_to_others), rows)

    def take_back(self, model: str, who: str, predictions: Together) -> None:
        """The inverse of `leave`."""
        mine = (left_to_others.c.model == model, left_to_others.c.who == who)
        with self._database.write() as connection:
            connection.execute(left_to_others.delete().where(*mine, left_to_others.c.prediction_id.in_(predictions)))


def _holders(connection: Connection, model: str, now_s: float) -> dict[str, str]:
    """The window that holds each prediction."""
    query = select(label_claims.c.prediction_id, label_claims.c.tab).where(
        label_claims.c.model == model, label_claims.c.until_s > now_s
    )
    return {row.prediction_id: row.tab for row in connection.execute(query)}


def _left(connection: Connection, model: str, who: str) -> set[str]:
    query = select(left_to_others.c.prediction_id).where(left_to_others.c.model == model, left_to_others.c.who == who)
    return set(connection.scalars(query))
