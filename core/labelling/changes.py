"""Which labels a version has that another lacks, and what stored labels of the lost ones need."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from core.errors import Unavailable
from core.home import Home
from core.labels import Kind, names_of
from core.package import read_facts
from core.resemblance import NameIndex
from core.taxonomy import Taxonomy


@dataclass(frozen=True)
class LabelChanges:
    """`came`, `gone`: labels by their names of today. `stored`: number of labelled rows with each label that is gone.
    `renamed`: label that is gone → new label that resembles it. Without `rules_known` the ledger cannot be read: then
    the names are those of the versions, and no row is counted.
    """

    came: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    stored: dict[str, int] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    rules_known: bool = True

    def __bool__(self) -> bool:
        return bool(self.came or self.gone)


def label_changes(home: Home, model: str, version: str, *, before: str | None) -> LabelChanges:
    """From the version `before` to `version`. Raises `CorruptPackage` if a version cannot be read."""
    if before is None or before == version:
        return LabelChanges()
    old, new = (read_facts(home.registry.folder(model, name)) for name in (before, version))
    rules_known = True
    try:
        taxonomy = home.ledger.rules.taxonomy(model, new.kind)
        stored = _stored(home, model, new.kind, taxonomy)
    except Unavailable:
        rules_known, taxonomy, stored = False, Taxonomy(kind=new.kind), Counter()
    was, now = taxonomy.names(old.labels), taxonomy.names(new.labels)
    came, gone = sorted(now - was), sorted(was - now)
    index = NameIndex(came)
    renamed = {label: near for label in gone if (near := index.nearest(label))}
    counts = {label: stored[label] for label in gone if stored[label]}
    return LabelChanges(came, gone, counts, renamed, rules_known)


def _stored(home: Home, model: str, kind: Kind, taxonomy: Taxonomy) -> Counter[str]:
    cells = [row.label for row in home.ledger.labelled(model, kind=kind, counting=home.config.labels.counting)]
    cells += [row.label for row in taxonomy.examples(home.ledger.added.rows(model)) if row.label is not None]
    return Counter(name for cell in cells for name in names_of(cell, kind))
