"""All errors. Each class takes facts and writes the message: what is wrong, the value, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from core.clock import moment

# Faults of one kind that a message lists.
SHOWN = 5


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _also(noun: str, places: Sequence[int], more: int) -> str:
    """Where else a fault is, for the end of a clause.

    >>> _also("row", [3, 5], 2), _also("row", [3], 0), _also("row", [], 0)
    (' (as do rows 3, 5 and 2 more)', ' (as does row 3)', '')
    """
    if not places:
        return ""
    listed = ", ".join(map(str, places)) + (f" and {more} more" if more > 0 else "")
    return f" (as do {noun}s {listed})" if len(places) + more > 1 else f" (as does {noun} {listed})"


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, whatever its case.

    >>> _nearest("Ticket", ["tickets", "mail"]), _nearest("x", ["tickets"])
    ('tickets', None)
    """
    by_folded = {other.casefold(): other for other in known}
    near = get_close_matches(name.casefold(), by_folded, 1)
    return by_folded[near[0]] if near else None


def _key_like(name: str, keys: Iterable[str], *, cutoff: float) -> str | None:
    """The key whose last part is like `name`, if one alone is the most like it.

    >>> _key_like("prot", ["service.host", "service.port"], cutoff=0.6)
    'service.port'
    >>> _key_like("alpha", ["drift.alpha", "gate.alpha"], cutoff=1.0)
    """
    by_name: dict[str, list[str]] = {}
    for key in keys:
        by_name.setdefault(key.rpartition(".")[2], []).append(key)
    near = get_close_matches(name.lower(), by_name, 1, cutoff)
    return by_name[near[0]][0] if near and len(by_name[near[0]]) == 1 else None


def _listed(names: Iterable[object], *, none: str = "none yet") -> str:
    return ", ".join(str(name) for name in names) or none


class RetuneError(Exception):
    """An error that the user can correct; its text is the whole message."""

    code = "error"


class InvalidInput(RetuneError):
    """The input cannot be used."""

    code = "invalid_input"


class NotFound(RetuneError):
    """A named thing does not exist."""

    code = "not_found"


class Conflict(RetuneError):
    """The request contradicts the current state."""

    code = "conflict"


class Unavailable(RetuneError):
    """Not possible now, but perhaps later."""

    code = "unavailable"


class UnknownConfigKey(InvalidInput):
    def __init__(self, key: str, known: Sequence[str], elsewhere: Sequence[str], source: str) -> None:
        """`known`: the keys of its section; `elsewhere`: those of all sections."""
        name = key.rpartition(".")[2]
        near = _key_like(name, elsewhere, cutoff=1.0) or _key_like(name, known, cutoff=0.6)
        cure = f"Did you mean {near!r}?" if near else f"Known: {_listed(known)}."
        super().__init__(f"Unknown config key {key!r} in {source}. {cure}")


class InvalidConfigValue(InvalidInput):
    def __init__(self, key: str, value: object, problem: str, source: str) -> None:
        super().__init__(f"Config key {key!r} in {source} is {value!r}: {problem}. Correct it there.")


class UnreadableConfig(InvalidInput):
    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"Config file {path} cannot be read: {problem}. Correct the file or name another.")


class InvalidDuration(InvalidInput):
    def __init__(self, text: str) -> None:
        super().__init__(f"Duration {text!r} is not usable. Write a whole number with its unit: 90s, 10m, 1h or 90d.")


class InvalidName(InvalidInput):
    def __init__(self, what: str, name: str, characters: str) -> None:
        super().__init__(f"{what} name {name!r} is not usable. Use 1 to 64 {characters}, beginning with a letter.")


class KeyNameTaken(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is a key {name!r} already. Choose another name, or first: retune keys revoke {name}.")


class KeyNotFound(NotFound):
    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"There is no key {name!r} in use. In use: {_listed(known, none='none')}.")


class UnusableRate(InvalidInput):
    def __init__(self, rate: float, lowest: float, highest: float) -> None:
        super().__init__(f"A rate of {rate:g} is not usable. Give {lowest:g} to {highest:g} requests a second.")


class BurstWithoutRate(InvalidInput):
    def __init__(self, burst: int) -> None:
        super().__init__(f"A burst of {burst} needs a rate. Give one with --rate, or leave --burst out.")


class KeysUnreadable(Unavailable):
    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"Key file {path} cannot be read: {problem}. Restore it; until then every key is refused.")


class KeysGone(Unavailable):
    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Key file {path} is gone; the keys that it had stay valid. Restore it. "
            "To open the server to all, remove the file while no server runs, or set service.open = true."
        )


class KeysMissing(Unavailable):
    code = "keys_missing"

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"There is no key file {path}, but {problem}. Name the right home or restore the file; "
            "with service.open = true the server starts open to all."
        )


class FileMissing(NotFound):
    def __init__(self, path: Path, *, what: str = "file") -> None:
        super().__init__(f"No {what} at {path}. Check the path.")


class UnknownFileFormat(InvalidInput):
    def __init__(self, path: Path, known: Sequence[str]) -> None:
        super().__init__(f"Data file {path} ends in {path.suffix!r}. Convert it to one of: {_listed(known)}.")


class UnwrittenFormat(InvalidInput):
    def __init__(self, path: Path, written: str) -> None:
        super().__init__(f"File {path} ends in {path.suffix!r}, but {written} is written. Name a file *{written}.")


class UndecodableFile(InvalidInput):
    def __init__(self, path: Path, problem: str, cure: str = "Save it again, as UTF-8") -> None:
        super().__init__(f"Data file {path} cannot be read: {problem}. {cure}.")


class MissingColumn(InvalidInput):
    def __init__(self, column: str, path: Path, known: Sequence[str], option: str) -> None:
        near = _nearest(column, known)
        cure = f"Did you mean {near!r}? Name it with {option}" if near else f"Name one with {option}"
        super().__init__(f"Data file {path} has no column {column!r}. Its columns: {_listed(known)}. {cure}.")


class NoLabelRequests(InvalidInput):
    def __init__(self, path: Path, known: Sequence[str]) -> None:
        super().__init__(
            f"Data file {path} has the columns {_listed(known)}, and labels of predictions need 'prediction_id' and "
            "'label'. Fill in the file of 'retune labels export', or the one that the page to label gives; "
            "'retune labels add' takes other rows."
        )


class AmbiguousColumn(InvalidInput):
    def __init__(self, column: str, path: Path, similar: Sequence[str], option: str) -> None:
        super().__init__(
            f"Data file {path} has no column {column!r}, but {_listed(map(repr, similar))}. Name one with {option}."
        )


class DuplicateColumnNames(InvalidInput):
    def __init__(self, path: Path, column: str, places: Sequence[int]) -> None:
        places_listed = " and ".join(map(str, places))
        super().__init__(
            f"Data file {path} has the column {column!r} as columns {places_listed}. Rename or remove one."
        )


class DuplicateKey(InvalidInput):
    def __init__(self, path: Path, line: int, key: str) -> None:
        super().__init__(f"Line {line} of {path} has the key {key!r} twice in one object. Rename or remove one.")


class WrongWidth(InvalidInput):
    def __init__(
        self, path: Path, wrong: Sequence[tuple[int, int]], wrong_rows: int, width: int, delimiter: str
    ) -> None:
        """`wrong`: the line and the number of cells of the first wrong rows."""
        (line, cells), *others = wrong
        also = _also("line", [other for other, _ in others], wrong_rows - len(wrong))
        super().__init__(
            f"Line {line} of {path} has {_count(cells, 'cell')}, but the header has {width}{also}. "
            f'Quote cells that contain {delimiter!r}: "…", and fill in missing cells.'
        )


class RepeatedHeader(InvalidInput):
    def __init__(self, path: Path, line: int) -> None:
        super().__init__(f"Line {line} of {path} repeats the header, as joined files do. Remove the line.")


class OpenQuote(InvalidInput):
    def __init__(self, path: Path, opened: int, closed: int) -> None:
        where = (
            f"line {opened}" if opened == closed else f"line {opened} and is not closed properly up to line {closed}"
        )
        super().__init__(
            f'A quote in {path} opens on {where}. Close it before the end of its cell, and double quotes in cells: "".'
        )


class RowsInQuotes(InvalidInput):
    def __init__(self, path: Path, line: int, inner: int) -> None:
        super().__init__(
            f"A quote in {path} opens on line {line}, and line {inner} inside it looks like a row. "
            "Close the quote, or double it if it is part of the text."
        )


class EmptyDataset(InvalidInput):
    def __init__(self, path: Path) -> None:
        super().__init__(f"Data file {path} has no rows. Give a file with at least one row below its header.")


class UnusableCell(InvalidInput):
    """`what`: what the cell holds instead of a text or a label."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The cell holds {what}. Write a text, in quotes.")
        self.what = what


class SeveralLabels(InvalidInput):
    def __init__(self, labels: Sequence[object]) -> None:
        super().__init__(f"A row has {len(labels)} labels: {_listed(labels)}. Use --multi-label, or give one.")
        self.labels = labels


class SeveralQuestions(InvalidInput):
    def __init__(self, path: Path, questions: Sequence[str], label: str) -> None:
        super().__init__(
            f"Data file {path} has answers to several questions, and none is {label!r}: {_listed(questions)}. "
            "Name one with --label-column."
        )


class RowFault(InvalidInput):
    """A fault of a row of a data file: its number from 1 below the header, and the line where it begins, if known.

    `others` are rows with the same fault, of which the message lists the first.
    """

    def __init__(self, path: Path, row: int, line: int, problem: str, cure: str) -> None:
        super().__init__(path, row, line, problem, cure)
        self.row, self._line, self._path, self._problem, self._cure = row, line, path, problem, cure
        self.others: list[int] = []

    def __str__(self) -> str:
        line = f" (line {self._line})" if self._line else ""
        also = _also("row", self.others[: SHOWN - 1], len(self.others) - SHOWN + 1)
        return f"Row {self.row} of {self._path}{line} {self._problem}{also}. {self._cure}."


class EmptyCell(RowFault):
    def __init__(self, column: str, row: int, line: int, path: Path) -> None:
        super().__init__(path, row, line, f"has no {column}", "Fill it or remove the row")


class WrongCell(RowFault):
    def __init__(self, column: str, value: object, what: str, row: int, line: int, path: Path) -> None:
        problem = f"has {what} as {column}: {str(value)[:60].encode(errors='replace').decode()}"
        super().__init__(path, row, line, problem, "Write a text, in quotes")


class UnexpectedLabels(RowFault):
    def __init__(self, labels: Sequence[object], row: int, line: int, path: Path) -> None:
        problem = f"has {len(labels)} labels: {_listed(labels)}"
        super().__init__(path, row, line, problem, "Use --multi-label, or give each row one label")


class UnusableLabel(RowFault):
    def __init__(self, name: str, separator: str, row: int, line: int, path: Path) -> None:
        problem = f"has the label {name!r}, which contains the separator {separator!r}"
        super().__init__(path, row, line, problem, "Rename the label, or name another separator")


class ReservedColumns(InvalidInput):
    def __init__(self, columns: Sequence[str], path: Path) -> None:
        super().__init__(f"Data file {path} has columns that scoring adds: {_listed(columns)}. Rename them.")


class ColumnNotInHeader(InvalidInput):
    def __init__(self, column: str) -> None:
        super().__init__(f"A later row has a column {column!r} that the CSV header lacks. Use --out NAME.jsonl.")


class MixedTypes(InvalidInput):
    def __init__(self, column: str) -> None:
        super().__init__(f"Column {column!r} has values of several types; Parquet stores one. Use --out NAME.jsonl.")


class DuplicateColumns(InvalidInput):
    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__(f"The columns {_listed(labels)} repeat one. Name each column for one purpose only.")


class EmptySeparator(InvalidInput):
    def __init__(self) -> None:
        super().__init__("The separator of labels is empty. Give the character between them, with --label-separator.")


class UnreadableMark(RowFault):
    def __init__(self, value: str, column: str, row: int, line: int, path: Path) -> None:
        super().__init__(path, row, line, f"has {value!r} in the label column {column!r}", "Write 1 or 0")


class UnusableLabelName(InvalidInput):
    def __init__(self, name: str, separator: str) -> None:
        super().__init__(f"Label {name!r} contains the separator {separator!r}. Rename the label.")
        self.name = name


class InputDoesNotFit(InvalidInput):
    """A single text for a model of pairs, or a pair for a model of single texts."""

    def __init__(self, *, wants_pairs: bool) -> None:
        super().__init__(
            "The model answers pairs of texts and was given a single text. Give both texts."
            if wants_pairs
            else "The model answers single texts and was given a pair. Give one text."
        )


class NotOneLabel(InvalidInput):
    def __init__(self, count: int) -> None:
        super().__init__(f"The model has one label per text, but {count} were given. Give one.")


class UnknownSource(NotFound):
    def __init__(self, source: str, known: Sequence[str]) -> None:
        super().__init__(f"No rows were added by {source!r}. Sources: {_listed(known, none='none')}.")


class LabelRuleRefused(Conflict):
    """The rule contradicts those that hold; the problem has its own cure."""


class LabelRefused(InvalidInput):
    """`number` counts the labels of the request from 1."""

    def __init__(self, number: int, problem: str) -> None:
        self.number, self.problem = number, problem
        super().__init__(f"Label {number}: {problem} No label was stored.")


class OneLabelOnly(InvalidInput):
    def __init__(self) -> None:
        super().__init__("The model gives one label to a text. Omit --multi-label and --label-columns.")


class LabelsOfAnotherModel(InvalidInput):
    def __init__(self, prediction_id: str, answered_by: str, model: str) -> None:
        super().__init__(
            f"Prediction {prediction_id} was answered by {answered_by!r}, not by {model!r}; no label was stored. "
            f"Import the file for {answered_by!r}, or leave those rows out."
        )


class EmptyText(InvalidInput):
    def __init__(self, number: int) -> None:
        super().__init__(f"Text {number} is empty. Give at least one word.")


class UnpairedTexts(InvalidInput):
    def __init__(self, texts: int, pairs: int) -> None:
        super().__init__(f"{texts} texts and {pairs} second texts were given. Give --pair once for each text.")


class DatasetNotKept(NotFound):
    def __init__(self, fingerprint: str, folder: Path) -> None:
        super().__init__(
            f"Data set {fingerprint[:12]}… of an earlier training is not in {folder}. "
            "Restore it, or run 'retune finetune' again with the same file, seed and home."
        )


class TooFewLabels(InvalidInput):
    def __init__(self, labels: Sequence[str], source: str) -> None:
        super().__init__(
            f"{source} has {len(labels)} label ({_listed(labels, none='none')}). "
            "Training needs at least two: add rows of another label."
        )


class TooFewRowsOfLabel(InvalidInput):
    def __init__(self, label: str, rows: int, needed: int, source: str) -> None:
        super().__init__(
            f"Label {label!r} has {rows} row{'s' if rows != 1 else ''} in {source}; training and "
            f"validation need at least {needed}. Add rows of it, or remove the label with --rare drop."
        )


class UnknownLabels(InvalidInput):
    def __init__(self, labels: Sequence[str], known: Sequence[str], source: str) -> None:
        super().__init__(f"{source} has labels unknown to the model: {_listed(labels)}. Known: {_listed(known)}.")


class ChallengerSkipped(RetuneError):
    """A way to train a challenger that this champion or machine does not allow; the sentence says why."""


class NoLinearHead(ChallengerSkipped):
    def __init__(self, graph: object) -> None:
        super().__init__(f"the graph {graph} has no linear head of its own in float32")


class NoChallenger(Conflict):
    def __init__(self, model: str, skipped: Mapping[str, str]) -> None:
        reasons = "; ".join(f"{name}: {why}" for name, why in skipped.items())
        super().__init__(f"No challenger can be trained for {model!r} ({reasons}). Change retrain.ladder.")


class NoNewLabels(Conflict):
    def __init__(self, model: str) -> None:
        super().__init__(f"No new labels to train {model!r} on. Give some by POST /feedback or 'retune labels import'.")


class NoTexts(Conflict):
    def __init__(self, model: str, labels: int) -> None:
        super().__init__(
            f"None of the {labels} labels for {model!r} has a stored text to train on: ledger.keep is 'features'. "
            "Train on a file with 'retune finetune', or set ledger.keep to 'text' or 'redacted'."
        )


class UnusableBaseModel(InvalidInput):
    def __init__(self, base_model: str, problem: str, cure: str) -> None:
        super().__init__(f"Base model {base_model!r} cannot be used: {problem}. {cure}")


class TaskMismatch(Conflict):
    def __init__(self, model: str, task: str, given: str) -> None:
        super().__init__(f"Model {model!r} answers {task}, the package {given}. Register it under another name.")


class CorruptCheckpoint(InvalidInput):
    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"Checkpoint {path} cannot be used: {problem}. Run 'retune finetune' again.")


class NotACheckpoint(InvalidInput):
    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path} is no checkpoint: it is {what}. Name a folder that 'retune finetune' has written.")


class NotAPackage(InvalidInput):
    def __init__(self, path: Path, command: str) -> None:
        super().__init__(f"{path} is a checkpoint, not a package. Export it first: {command}")


class CorruptPackage(Unavailable):
    code = "corrupt_package"

    def __init__(self, path: object, problem: str) -> None:
        super().__init__(f"Package {path} is refused: {problem}. Export it again with 'retune export'.")


class ParityFailed(RetuneError):
    """The exported graph predicts differently from the checkpoint."""

    code = "parity_failed"

    def __init__(self, difference: float, allowed: float, disagreements: int) -> None:
        super().__init__(
            f"The ONNX graph differs from the checkpoint: largest relative logit difference {difference:.2g} "
            f"(allowed {allowed:.2g}), {disagreements} labels changed. Report it with the base model's name."
        )


class ModelNotFound(NotFound):
    def __init__(self, model: str, known: Sequence[str], registry: str = "", *, deleted_at: str | None = None) -> None:
        """`registry`: where it was looked for, for people who run the server and not for its clients."""
        if deleted_at is not None:
            super().__init__(
                f"Model {model!r} was deleted from the registry {registry} on {deleted_at[:10]}. Known: "
                f"{_listed(known, none='none')}. The ledger keeps its history: 'retune decisions {model}'."
            )
            return
        near = _nearest(model, known)
        cure = f"Did you mean {near!r}?" if near else "Add one with 'retune register'."
        place = f" in the registry {registry}" if registry else ""
        super().__init__(
            f"No model {model!r}{place}. Known: {_listed(known)}. {cure}"
            if known or not registry
            else f"No model {model!r}. {NoModels(registry)}"
        )


class NoModels(NotFound):
    def __init__(self, registry: str) -> None:
        super().__init__(
            f"The registry {registry} holds no model. Name another home with --home or RETUNE_HOME, "
            "or make a model: 'retune deploy FILE --model NAME'."
        )


class NothingToWatch(Unavailable):
    code = "no_champion"

    def __init__(self, models: Sequence[str], registry: str) -> None:
        super().__init__(
            f"No model in the registry {registry} has a champion, so there is nothing to check. "
            f"Put one in service with 'retune promote'; models: {_listed(models)}."
        )


class VersionNotFound(NotFound):
    def __init__(self, model: str, version: str, known: Sequence[str], *, deleted_at: str | None = None) -> None:
        gone = f" any more: it was deleted on {deleted_at[:10]}" if deleted_at else ""
        super().__init__(f"Model {model!r} has no version {version!r}{gone}. Known: {_listed(known)}.")


class VersionNeeded(Conflict):
    def __init__(self, model: str, version: str, reason: str) -> None:
        super().__init__(f"{model}@{version} cannot be deleted: {reason}.")


class ModelInUse(Conflict):
    def __init__(self, model: str, reason: str, cure: str) -> None:
        super().__init__(f"Model {model!r} cannot be deleted: {reason}. {cure}.")


class NotConfirmed(InvalidInput):
    def __init__(self, what: str) -> None:
        super().__init__(f"{what} Nothing was deleted. Confirm it with --yes.")


class NoChampion(Unavailable):
    code = "no_champion"

    def __init__(self, model: str, known: Sequence[str]) -> None:
        versions = _listed(f"{model}@{version}" for version in known)
        super().__init__(
            f"Model {model!r} has no champion yet. Put one in service with 'retune promote'; versions: {versions}."
        )


class KeyOfOtherRequest(Conflict):
    code = "idempotency_key_reused"

    def __init__(self, key: str) -> None:
        super().__init__(f"The idempotency key {key!r} came with another request in the last day. Take a new key.")


class RequestRunning(Conflict):
    code = "request_running"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The request with the idempotency key {key!r} is still under way. Send it again in a few seconds."
        )


class ChampionChanged(Conflict):
    code = "champion_changed"

    def __init__(self, model: str, expected: str | None, now: str | None) -> None:
        found = f"{model}@{now} is the champion" if now else f"Model {model!r} has no champion"
        wanted = f"{model}@{expected}" if expected else "none"
        super().__init__(
            f"{found}, and {wanted} is expected, so nothing has changed. Look again, then name the champion."
        )


class NothingToRollBackTo(Conflict):
    def __init__(self, model: str) -> None:
        cure = "'retune promote NAME@VERSION' goes forward"
        super().__init__(f"Model {model!r} has no earlier champion to roll back to; {cure}.")


class VersionRefused(Conflict):
    code = "version_refused"

    def __init__(self, model: str, version: str, problem: str, kept: str | None) -> None:
        self.version = version
        consequence = f"version {kept} goes on answering" if kept else "no version answers"
        super().__init__(f"{model}@{version} cannot be served and {consequence}: {problem}")


class RefusedByGate(Conflict):
    """`said`: the gate's reason; `why`: it in a sentence, without the cure."""

    code = "refused_by_gate"

    def __init__(self, model: str, version: str, answer: str, said: str) -> None:
        self.why = f"The gate's answer to {model}@{version} is {answer!r}: {said}"
        super().__init__(f"{self.why} To put it in service nonetheless: retune promote {model}@{version} --force")


class RolledBackByGuard(Conflict):
    """`found`: what the guard found; `why`: it in a sentence, without the cure."""

    code = "rolled_back_by_guard"

    def __init__(self, model: str, version: str, at: str, found: str) -> None:
        self.why = f"The guard rolled {model}@{version} back on {moment(at)}: {found}"
        super().__init__(f"{self.why} To put it in service nonetheless: retune promote {model}@{version} --force")


class VerdictUnknown(Unavailable):
    code = "verdict_unknown"

    def __init__(self, model: str, version: str, problem: str) -> None:
        super().__init__(
            f"Whether the gate refused {model}@{version} cannot be read: {problem} "
            f"Wait until the ledger is back, or put it in service nonetheless: retune promote {model}@{version} --force"
        )


class PromotionTimeout(Unavailable):
    def __init__(self, model: str, version: str, workers: int, timeout_s: float) -> None:
        super().__init__(
            f"{model}@{version} is the champion, but {workers} workers do not answer with it after {timeout_s:g} s. "
            "Read the server's log and /admin/models."
        )


class PromotionSuperseded(Conflict):
    """Another version was promoted before every server worker served this one."""

    code = "superseded"

    def __init__(self, model: str, version: str, now: str | None) -> None:
        after = f"{model}@{now} took its place" if now else "it was undone"
        super().__init__(
            f"{model}@{version} was made champion, but {after} before every worker answered with it. "
            "Promote it again if it should be the champion."
        )


class ModelFrozen(Conflict):
    code = "frozen"

    def __init__(self, model: str, words: str) -> None:
        """`words`: until when and why."""
        self.model, self.words = model, words
        super().__init__(f"The champion of {model!r} is {words}. To end that: retune unfreeze {model}.")


class FreezeIsOver(InvalidInput):
    def __init__(self, until: str) -> None:
        super().__init__(f"A freeze until {moment(until)} is over already. Name a later time, or none.")


class InvalidUntil(InvalidInput):
    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is no time within ten years. Write 2026-12-24T18:00 (UTC; else with an offset such as +01:00), "
            "or a duration such as 12h or 3d."
        )


class NothingProposed(Conflict):
    code = "nothing_proposed"

    def __init__(self, model: str, proposal: int | None = None) -> None:
        what = "No proposal" if proposal is None else f"Proposal {proposal} is not open; none"
        cure = f"'retune decisions {model}' shows what was decided, 'retune retrain {model}' asks for a retrain"
        super().__init__(f"{what} of {model!r} waits for an answer; {cure}.")


class ProposalOutdated(Conflict):
    code = "superseded"

    def __init__(self, model: str, version: str, now: str) -> None:
        super().__init__(
            f"The proposal is about {model}@{version}, but {model}@{now} is in service by now. "
            "The next round of 'retune monitor' decides again."
        )


class TargetExists(Conflict):
    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} exists already and is not empty. Name another folder or remove it."
            if path.is_dir()
            else f"{path} exists already. Name another file or remove it."
        )


class NotWritable(InvalidInput):
    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} cannot be written: {problem}. Name another place, or change its permissions.")


class RunInterrupted(Conflict):
    def __init__(self, folder: Path, spent_s: float) -> None:
        super().__init__(
            f"{folder} holds an interrupted training of {spent_s:.0f} s with the same rows and settings. "
            "Continue it with --resume, or remove that folder to start again."
        )


class OtherRunInterrupted(Conflict):
    def __init__(self, folder: Path, spent_s: float) -> None:
        super().__init__(
            f"{folder} holds an interrupted training of {spent_s:.0f} s with other rows or settings. "
            "Use those with --resume, name another --out, or remove that folder to start again."
        )


class LedgerUnreadable(Unavailable):
    def __init__(self, url: str, problem: str, cure: str = "Check the path, the disk and the permissions.") -> None:
        super().__init__(f"The ledger {url} cannot be used: {problem}. {cure}")


class LedgerMoved(LedgerUnreadable):
    def __init__(self, url: str) -> None:
        problem = "its file was moved, deleted or replaced while it was in use"
        super().__init__(url, problem, "Put it back, or start again all processes that use it.")


class DiskFull(Unavailable):
    code = "disk_full"

    def __init__(self, path: object) -> None:
        super().__init__(f"No space is left to write {path}. Free some and run the command again; nothing has changed.")


class PredictionNotFound(NotFound):
    def __init__(self, prediction_id: str, ledger: str) -> None:
        super().__init__(
            f"No prediction {prediction_id!r} is in the ledger {ledger}, and nothing was erased. "
            "Check the id; a new prediction is written a moment after its answer."
        )


class NoPredictionsOfKey(NotFound):
    def __init__(self, key: str, ledger: str) -> None:
        super().__init__(f"No prediction in the ledger {ledger} was made with the key {key!r}. Check its name.")


class NoExpiry(InvalidInput):
    def __init__(self) -> None:
        super().__init__("No prediction expires: ledger.keep_days is not set. Set it to a number of days.")


class JobRunning(Conflict):
    def __init__(self, job_id: int, kind: str, model: str) -> None:
        super().__init__(
            f"Job {job_id} ({kind} {model}) is running and would store the texts again, so nothing was erased. "
            f"Run this again when it has ended; 'retune jobs cancel {job_id}' ends it."
        )


class JobOptionsDiffer(Conflict):
    def __init__(self, job_id: int, kind: str, model: str, status: str, options: str) -> None:
        super().__init__(
            f"Job {job_id} ({kind} {model}) is {status} already, with {options}. "
            f"Start the new one when it has ended; 'retune jobs cancel {job_id}' ends it."
        )


class JobNotFound(NotFound):
    def __init__(self, job_id: int | str) -> None:
        super().__init__(f"There is no job {job_id}. 'retune jobs' lists the jobs.")


class JobEnded(Conflict):
    def __init__(self, job_id: int, kind: str, model: str, status: str) -> None:
        super().__init__(
            f"Job {job_id} ({kind} {model}) is {status} already and cannot be cancelled. 'retune jobs log {job_id}' "
            "says how it ended."
        )


class JobInterrupted(RetuneError):
    """Raised at a step of a job that shall not go on."""

    code = "interrupted"


class JobLost(JobInterrupted):
    """Another worker took the job, because this one did not renew its lease in time."""

    def __init__(self, job_id: int) -> None:
        super().__init__(f"Job {job_id} was taken by another worker: its lease expired. This run is discarded.")


class JobCancelled(JobInterrupted):
    """A person cancelled the job."""

    def __init__(self, job_id: int) -> None:
        super().__init__(f"Job {job_id} was cancelled. Nothing has changed; 'retune retrain' starts a new one.")


class JobStopped(JobInterrupted):
    """The worker of the job was told to end."""

    def __init__(self, job_id: int) -> None:
        super().__init__(f"The worker of job {job_id} was told to end. The job is queued again: start a worker.")


class CheckNotFound(NotFound):
    def __init__(self, check_id: int | str) -> None:
        super().__init__(f"There is no check {check_id}. 'retune decisions NAME' lists the checks of a model.")


class NothingToShow(Conflict):
    def __init__(self, check_id: int, problem: str, cure: str) -> None:
        super().__init__(f"Check {check_id} {problem}, so no report can be made of it. {cure}.")


class CheckedMeanwhile(Conflict):
    def __init__(self, model: str) -> None:
        super().__init__(
            f"Another process checked the same rows of {model!r} in the meantime, so this check is not recorded. "
            "Run one 'retune monitor' on a ledger."
        )


class WatchedByAnother(Conflict):
    def __init__(self, model: str, holder: str) -> None:
        super().__init__(
            f"{model!r} is already checked by {holder}; one monitor checks a model. Leave its checks to that one, or "
            "stop it first."
        )


class NoWebhooks(InvalidInput):
    def __init__(self) -> None:
        super().__init__("There is no webhook to test. Add one to the config as [alerts.webhooks.NAME] with its url.")


class WebhookFailed(Unavailable):
    """`host`: without the rest of the URL, which may be a secret."""

    def __init__(self, host: str, problem: str) -> None:
        super().__init__(
            f"The webhook at {host!r} got no message: {problem}. Correct alerts.webhooks, or see to its server."
        )


class RegistryNotWritable(Unavailable):
    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} cannot be written: {problem}. Change its permissions; nothing has changed.")


class PointerUnreadable(Unavailable):
    def __init__(self, model: str, problem: str) -> None:
        super().__init__(f"champion.json of {model} cannot be read ({problem}). Promote a version to rewrite it.")


class UnusableRegistry(InvalidInput):
    def __init__(self, url: str, problem: str) -> None:
        super().__init__(
            f"The registry {url} cannot be used: {problem}. Set 'registry.url' to a folder, or to the URL of an object "
            "store whose fsspec package is installed."
        )


class InvalidDatabaseUrl(InvalidInput):
    """Does not show the URL, which may contain a password."""

    def __init__(self) -> None:
        super().__init__(
            "'ledger.url' is not the URL of a database. Write one such as sqlite:////data/ledger.db or "
            "postgresql+psycopg://user:password@host/name."
        )


class DriverMissing(Unavailable):
    def __init__(self, url: str, problem: str) -> None:
        super().__init__(
            f"The ledger {url} cannot be used: {problem}. Install the driver that its URL names, "
            "e.g. for postgresql+psycopg://: pip install 'psycopg[binary]'."
        )


class RegistryMissing(Unavailable):
    def __init__(self, folder: str) -> None:
        super().__init__(f"The registry's folder {folder} does not exist. Mount or restore it.")


class TooManyWorkers(InvalidInput):
    def __init__(self, workers: int, cores: int, most: int) -> None:
        super().__init__(
            f"'service.workers' is {workers}, and there are {cores} cores; more than {most} workers would only "
            "take memory. Unset it to get one per core."
        )


class CannotListen(Unavailable):
    def __init__(self, host: str, problem: str) -> None:
        super().__init__(
            f"Nothing can listen on 'service.host' {host!r}: {problem}. Give an IPv4 address of this machine, 0.0.0.0 "
            "for all of them, and a port that its user may use."
        )


class PortInUse(Unavailable):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Port {port} on {host} is in use. Stop the process that uses it, or choose another with --port."
        )


class DeployRunning(Conflict):
    def __init__(self, model: str, folder: Path) -> None:
        super().__init__(
            f"Another 'retune deploy' of the same rows for {model!r} runs, in {folder}. Wait until it ends, or stop it."
        )


class HomeSupervised(Conflict):
    """`pid`: None if it has only just started."""

    def __init__(self, home: Path, host: str = "", pid: int | None = None, since: str = "") -> None:
        who = f"process {pid} on {host}, since {moment(since)}" if pid else "another process, just started"
        cure = f"Stop it (on {host}: kill {pid})" if pid else "Stop it"
        super().__init__(
            f"'retune up' already runs the home {home}: {who}. {cure}, or name another home with --home DIR."
        )


class TlsIncomplete(InvalidInput):
    def __init__(self, missing: str) -> None:
        super().__init__(f"TLS needs a certificate and its key, but 'service.{missing}' is not set. Set both or none.")


class TlsFilesUnfit(InvalidInput):
    def __init__(self, files: str, problem: str) -> None:
        super().__init__(
            f"TLS {files} cannot be used: {problem}. Give PEM files that belong together, without a password."
        )


class ServerFailed(Unavailable):
    def __init__(self, problem: str) -> None:
        super().__init__(f"The server did not start: {problem}.")


class RequestFailed(Unavailable):
    """A request of the demo's client failed."""

    def __init__(self, path: str, answer: str) -> None:
        super().__init__(f"POST {path} failed: {answer}. Read the server's log.")


class DemoFailed(RetuneError):
    code = "demo_failed"

    def __init__(self, problem: str, home: Path) -> None:
        super().__init__(f"The demo stopped: {problem}. Its logs are in {home}.")


class MissingExtra(RetuneError):
    code = "missing_extra"

    def __init__(self, command: str, package: str, extra: str) -> None:
        super().__init__(f"'retune {command}' needs {package}. Install it: pip install 'retune[{extra}]'.")


class NoSnapshots(RetuneError):
    code = "no_snapshots"

    def __init__(self, workspace: Path) -> None:
        super().__init__(f"{workspace} has no checks to show. 'retune monitor' adds those with enough rows.")


class UnknownMetric(InvalidInput):
    def __init__(self, metric: str, kind: str, known: Sequence[str]) -> None:
        super().__init__(f"Metric {metric!r} cannot select a {kind} model. Name one of: {_listed(known)}.")


class UnknownRung(InvalidInput):
    def __init__(self, rung: str, known: Sequence[str]) -> None:
        super().__init__(f"There is no rung {rung!r}. Name one of: {_listed(known)}.")


class RungNotBuilt(InvalidInput):
    def __init__(self, rung: str, why: str) -> None:
        super().__init__(f"The rung {rung!r} was not built: {why} Name another one, or none.")


class UnusableCopy(InvalidInput):
    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"The cleaned copy cannot be written to {path}: {problem}. Name another file.")


class NothingLeft(InvalidInput):
    def __init__(self, path: Path) -> None:
        super().__init__(f"Every row of {path} would be removed. Read the findings first.")


class NoRows(InvalidInput):
    def __init__(self, purpose: str) -> None:
        super().__init__(f"There are no {purpose} rows. Give a file with at least one row that was not trained on.")
