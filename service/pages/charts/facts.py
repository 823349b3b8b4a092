"""What the charts of a model show, read once from the ledger and the champion's package."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from core.home import Home
from core.labels import Kind
from core.ledger_tables.guards import Guard, Guards
from core.ledger_tables.incidents import Incident, Incidents
from core.ledger_tables.standing import Standing
from core.package import PackageFacts, read_facts
from core.records import PromotionRecord
from core.series.answers import AnswerSample, answer_samples, latest_answers
from core.series.champions import InService, first_in_service, in_service
from core.series.checks import CheckFigures, latest_checks
from core.series.given import GivenLabel, given_labels
from core.series.reference import reference_answers
from core.series.requests import Bucket, request_buckets
from core.series.span import Span, span_until

PROMOTIONS, INCIDENTS, GUARDS = 60, 20, 20


@dataclass(frozen=True)
class ChartFacts:
    """`facts`: of the champion's package; `before`, `after`: its answers to its reference and to the last texts."""

    span: Span
    version: str | None
    facts: PackageFacts | None
    served: InService
    checks: list[CheckFigures]
    promotions: list[PromotionRecord]
    incidents: list[Incident]
    guards: list[Guard]
    standing: Standing | None
    given: list[GivenLabel]
    buckets: list[Bucket]
    answers: list[AnswerSample]
    before: Counter[str]
    after: Counter[str]

    @property
    def kind(self) -> Kind:
        return self.facts.kind if self.facts else "single-label"


def chart_facts(home: Home, model: str, *, now: float | None = None) -> ChartFacts:
    """Since the oldest of the last checks; `now`: seconds since 1970. Raises `Unavailable`."""
    ledger = home.ledger
    database = ledger.database
    champion = home.registry.readable_pointer(model)
    folder = home.registry.folder(model, champion.version) if champion else None
    facts = read_facts(folder) if folder else None
    kind = facts.kind if facts else "single-label"
    checks = latest_checks(database, model)
    promotions = ledger.promotions(model, limit=PROMOTIONS)
    span = span_until(now, checks[0].created_at if checks else None, first=first_in_service(promotions))
    served = in_service(promotions, champion.version if champion else None)
    return ChartFacts(
        span=span,
        version=champion.version if champion else None,
        facts=facts,
        served=served,
        checks=checks,
        promotions=promotions,
        incidents=Incidents(database).latest(model, limit=INCIDENTS),
        guards=Guards(database).latest(model, limit=GUARDS),
        standing=ledger.standings.of(model),
        given=given_labels(ledger, model, kind),
        buckets=request_buckets(database, model, span),
        answers=answer_samples(ledger, model, span, served, kind),
        before=reference_answers(folder, facts) if folder and facts else Counter(),
        after=latest_answers(ledger, model, champion.version, kind) if champion else Counter(),
    )
