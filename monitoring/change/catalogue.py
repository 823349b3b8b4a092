"""The kinds of change, in the order in which they explain rows."""

from __future__ import annotations

from monitoring.change.form import Form
from monitoring.change.kind import Kind
from monitoring.change.repetition import Repetition
from monitoring.change.shares import Shares
from monitoring.change.topics import NewTopics
from monitoring.change.wording import Wording

KINDS: tuple[Kind, ...] = (Repetition(), Form(), NewTopics(), Wording(), Shares())
