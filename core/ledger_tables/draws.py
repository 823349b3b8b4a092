"""The ledger's table of texts that were drawn at random: what their labels say holds for the traffic."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import insert, select

from core.clock import utc_now
from core.database import Database
from core.records import Draw, Wanted
from core.schema import draws, label_requests, predictions

AUDIT: Final = "audit"


class Draws:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        model: str,
        version: str,
        drawn: Sequence[Wanted],
        *,
        until_number: int,
        until: str,
        ask: Collection[str] = (),
    ) -> None:
        """Keep the draws, and request the labels of the predictions `ask` for an audit.

        A prediction is drawn once. Requests for audits of earlier versions end.
        """
        facts = {"model": model, "version": version, "until_number": until_number, "until": until}
        requests = label_requests.c.model == model
        is_it = predictions.c.id == label_requests.c.prediction_id
        own = select(predictions.c.id).where(is_it, predictions.c.version == version).correlate(label_requests).exists()
        of_others = requests, label_requests.c.purpose == AUDIT, ~own
        with self._database.write() as connection:
            before = set(connection.scalars(select(draws.c.prediction_id).where(draws.c.model == model)))
            connection.execute(label_requests.delete().where(*of_others))
            asked = set(connection.scalars(select(label_requests.c.prediction_id).where(requests)))
            now = utc_now()
            fresh = [{**_drawn(one), **facts, "created_at": now} for one in drawn if one.prediction_id not in before]
            wanted = [one for one in drawn if one.prediction_id in ask and one.prediction_id not in asked]
            request = {"model": model, "check_id": None, "created_at": now}
            queued = [{**_drawn(one), **request, "rank": rank} for rank, one in enumerate(wanted)]
            for table, rows in ((draws, fresh), (label_requests, queued)):
                if rows:
                    connection.execute(insert(table), rows)

    def rows(self, model: str, version: str) -> list[Draw]:
        """In the order in which they were drawn."""
        query = (
            select(
                draws.c.prediction_id,
                draws.c.purpose,
                draws.c.chance,
                draws.c.until_number,
                draws.c.until,
                predictions.c.number,
                predictions.c.text,
                predictions.c.pair,
                predictions.c.key,
            )
            .join(predictions, predictions.c.id == draws.c.prediction_id)
            .where(draws.c.model == model, draws.c.version == version)
            .order_by(draws.c.id)
        )
        with self._database.read() as connection:
            return [Draw(**row) for row in connection.execute(query).mappings()]


def _drawn(one: Wanted) -> dict[str, str | float | None]:
    return {"prediction_id": one.prediction_id, "purpose": one.purpose, "chance": one.chance}
