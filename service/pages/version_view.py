"""Two versions of a model side by side: what their packages and the ledger tell, without answering a row again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.errors import RetuneError, Unavailable, VersionNotFound
from core.home import Home
from core.labelling.changes import LabelChanges
from core.labelling.given_sources import sources_until
from core.package import PackageFacts, read_reference
from core.records import GateRecord, PromotionRecord
from core.registry import Champion
from core.resemblance import NameIndex
from core.taxonomy import Taxonomy
from core.version_diff.reference_diff import ReferenceDiff, reference_diff
from core.version_diff.training import RowsDiff, lineage_facts, rows_diff, trained_on
from core.version_diff.words import value_words
from core.version_facts import KnownVersions, VersionFacts
from service.pages.loop_state import LoopState, loop_state
from service.pages.version_rows import VersionRow, recorded_of

MOST_ROWS = 20_000
"""Training rows up to which those of two versions are compared, which takes 0.1 s."""
METRICS = {
    "macro_f1": "Macro F1",
    "log_loss": "Log loss",
    "expected_calibration_error": "Expected calibration error",
}


@dataclass(frozen=True)
class Line:
    """A fact of both versions, in words; `before` is "" without another version."""

    name: str
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class VersionView:
    """`other`: the version that `row` is compared with; `others`: those that may be chosen instead.

    `gates`: what the gate said of the version, the last first; `sources`: of the labels that the model had by then.
    `reference_problem`: why the answers on the references cannot be compared. `judged`: the gate on these two versions,
    as challenger and champion, on the same rows; `judged_is_other`: `other` was the challenger.
    """

    name: str
    row: VersionRow
    other: VersionRow | None
    others: list[str]
    champion: Champion | None
    loop: LoopState
    ledger_problem: str = ""
    metrics: list[Line] = field(default_factory=list)
    lineage: list[Line] = field(default_factory=list)
    settings: list[Line] = field(default_factory=list)
    labels: LabelChanges = LabelChanges()
    renamed: dict[str, str] = field(default_factory=dict)
    rows: RowsDiff | None = None
    reference: ReferenceDiff | None = None
    reference_problem: str = ""
    gates: list[PromotionRecord] = field(default_factory=list)
    judged: GateRecord | None = None
    judged_is_other: bool = False
    sources: dict[str, int] = field(default_factory=dict)

    @property
    def same_validation_rows(self) -> int | None:
        """Rows on which both versions were measured at their export; None if they are others, or not known."""
        if self.row.facts is None or self.other is None or self.other.facts is None:
            return None
        now, was = (facts.package.lineage.data for facts in (self.row.facts, self.other.facts))
        return now.validation_rows if now.validation and now.validation == was.validation else None

    @property
    def measured_on(self) -> str:
        """Whether the accuracies at export are of the same rows."""
        if self.same_validation_rows:
            return f"on the same {self.same_validation_rows} rows"
        sides = [self.row.facts, self.other.facts if self.other else None]
        is_known = all(facts is not None and facts.package.lineage.data.validation for facts in sides)
        return "on different rows" if is_known else "rows not recorded"

    @property
    def goes_back_to(self) -> str | None:
        """The version that a roll back puts in service, if this is the champion."""
        if self.champion is None or not self.row.is_champion:
            return None
        return next((one for one in reversed(self.champion.previous) if one in self.others), None)


def version_view(home: Home, known: KnownVersions, model: str, version: str, against: str | None) -> VersionView:
    """`against` None: the champion, or of the champion the version before it.

    Raises `ModelNotFound` or `VersionNotFound`.
    """
    versions, champion = home.registry.require_model(model), home.registry.readable_pointer(model)
    deleted = home.registry.deleted(model)
    for name in (version, *([against] if against is not None else [])):
        if name not in versions and name not in deleted:
            raise VersionNotFound(model, name, versions)
    chosen = against if against is not None else before(versions, version, champion)
    names = [version, *([chosen] if chosen not in (None, version) else [])]
    recorded = recorded_of(home, model, [str(name) for name in names])
    row, *others = (recorded.row(known, model, str(name), champion, deleted.get(str(name))) for name in names)
    other = others[0] if others else None
    taxonomy = _taxonomy(home, model, row)
    found = VersionView(
        model,
        row,
        other,
        [one for one in versions if one != version],
        champion,
        loop_state(home, model),
        recorded.problem,
        **_compared(home, row.facts, other.facts if other else None, taxonomy),
        **_recorded(home, model, version),
        **_judged(home, model, version, other.version if other else None),
    )
    return found if other is None else _with_reference(home, model, found, other, taxonomy)


def before(versions: Sequence[str], version: str, champion: Champion | None) -> str | None:
    """The version that one is compared with unless another is asked for.

    >>> before(["1", "2", "3"], "3", Champion("2")), before(["1", "2", "3"], "3", Champion("3", ["1"]))
    ('2', '1')
    >>> before(["1", "2"], "2", None), before(["1"], "1", None)
    ('1', None)
    """
    earlier = [one for one in versions if int(one) < int(version)]
    if champion is None:
        return earlier[-1] if earlier else None
    wanted = champion.previous if champion.version == version else [champion.version]
    found = [one for one in wanted if one in versions and one != version]
    return found[-1] if found else (earlier[-1] if earlier else None)


def _taxonomy(home: Home, model: str, row: VersionRow) -> Taxonomy:
    """Without the ledger labels keep the names that they have in the packages."""
    if row.facts is None:
        return Taxonomy()
    kind = row.facts.package.kind
    try:
        return home.ledger.rules.taxonomy(model, kind)
    except Unavailable:
        return Taxonomy(kind=kind)


def _compared(home: Home, now: VersionFacts | None, was: VersionFacts | None, taxonomy: Taxonomy) -> dict[str, Any]:
    if now is None:
        return {}
    facts = {"metrics": _metrics(was, now), "lineage": _lineage(was, now), "settings": _settings(was, now)}
    if was is None:
        return facts
    old, new = was.package, now.package
    names_before, names_after = taxonomy.names(old.labels), taxonomy.names(new.labels)
    came, gone = sorted(names_after - names_before), sorted(names_before - names_after)
    index = NameIndex(came)
    near = {label: found for label in gone if (found := index.nearest(label))}
    moved = {label: taxonomy.today(label) for label in old.labels if label not in new.labels}
    renamed = {label: name for label, name in moved.items() if name in names_after}
    return {**facts, "labels": LabelChanges(came, gone, {}, near), "renamed": renamed, "rows": _rows(home, old, new)}


def _rows(home: Home, old: PackageFacts, new: PackageFacts) -> RowsDiff | None:
    """None if a data set is not kept, or too large to be compared for a page."""
    if max(facts.lineage.data.train_rows for facts in (old, new)) > MOST_ROWS:
        return None
    was, now = (trained_on(facts, home.config.datasets) for facts in (old, new))
    return None if was is None or now is None else rows_diff(was, now)


def _metrics(was: VersionFacts | None, now: VersionFacts) -> list[Line]:
    sides = [was.validation if was else {}, now.validation]
    names = {key: words for key, words in METRICS.items() if any(key in side for side in sides)}
    return [Line(words, *(value_words(side.get(key)) for side in sides)) for key, words in names.items()]


def _lineage(was: VersionFacts | None, now: VersionFacts) -> list[Line]:
    sides = [lineage_facts(was.package) if was else {}, lineage_facts(now.package)]
    return [Line(name, value_words(sides[0].get(name)), value_words(value)) for name, value in sides[1].items()]


def _settings(was: VersionFacts | None, now: VersionFacts) -> list[Line]:
    sides = [was.package.lineage.settings if was else {}, now.package.lineage.settings]
    names = dict.fromkeys([*sides[1], *sides[0]])
    return [Line(name, *(value_words(side.get(name)) for side in sides)) for name in names]


def _recorded(home: Home, model: str, version: str) -> dict[str, Any]:
    """What the gate said; nothing if the ledger is away."""
    try:
        gates = [record for record in home.ledger.promotions_of(model, version) if record.gate is not None]
        if not gates:
            return {}
        first = gates[-1]
        last_label = first.after_label if first.after_label is not None else 0
        sources = sources_until(home.ledger.database, model, label=last_label, time=first.created_at)
        return {"gates": gates, "sources": sources}
    except Unavailable:
        return {}


def _judged(home: Home, model: str, version: str, other: str | None) -> dict[str, Any]:
    """What the gate measured of the two; nothing if the ledger is away."""
    if other is None:
        return {}
    try:
        for challenger, champion in ((version, other), (other, version)):
            for record in home.ledger.promotions_of(model, challenger):
                if record.gate is not None and record.previous == champion:
                    return {"judged": record.gate, "judged_is_other": challenger == other}
    except Unavailable:
        pass
    return {}


def _with_reference(home: Home, model: str, view: VersionView, other: VersionRow, taxonomy: Taxonomy) -> VersionView:
    if view.row.facts is None or other.facts is None:
        return view
    try:
        references = [
            read_reference(home.registry.folder(model, version)) for version in (other.version, view.row.version)
        ]
    except (RetuneError, OSError) as error:
        return replace(view, reference_problem=str(error))
    if not all(features.known.any() for features in references):
        return replace(view, reference_problem="A reference has no labelled row.")
    was, now = references
    sides = (other.facts.package, was), (view.row.facts.package, now)
    return replace(view, reference=reference_diff(*sides, lambda label: taxonomy.today(label) or label))
