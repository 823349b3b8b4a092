"""`retune.toml`, validated at start. The environment overrides the file, the file overrides the defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError

from core.errors import FileMissing, InvalidConfigValue, UnknownConfigKey, UnreadableConfig
from core.events import EVENTS, Event
from core.policy_config import ModelPolicy, PolicyConfig
from core.section import Section, listed, parsed
from core.trust import Counting, Trust

FILE_NAME, ENVIRONMENT = "retune.toml", "the environment"
NOT_SHOWN = "(not shown)"


AnySection = TypeVar("AnySection", bound=Section)


def _given(value: Any) -> Any:
    """An empty value is a mistake, e.g. an unset variable of a script; it must not mean the working directory."""
    if isinstance(value, str) and not value.strip():
        raise ValueError("it is empty; unset the key, or give a value")
    return value


def _expanded(value: Any) -> Any:
    try:
        return Path(value).expanduser() if isinstance(value, str | Path) else value
    except RuntimeError as error:
        raise ValueError("there is no home directory for '~'") from error


def _expanded_name(name: str) -> str:
    return str(_expanded(name)) if name.startswith("~") else name


Given = Annotated[str, BeforeValidator(_given)]
Place = Annotated[Path, BeforeValidator(_expanded), BeforeValidator(_given)]
"""A path, in which `~` is expanded."""

MethodName = Literal["auto", "features", "full", "layerwise", "lora"]
Keep = Literal["text", "redacted", "features"]


Rare = Literal["keep", "drop", "refuse"]


class FinetuneConfig(Section):
    base_model: Annotated[Given, AfterValidator(_expanded_name)] = Field(
        "default", description="'default', a folder, or a hub id with @revision, pinned by #sha256=…"
    )
    method: MethodName = Field("auto", description="auto takes the best on the validation rows.")
    budget: Annotated[str, Field(pattern=r"^\d+[smh]$")] | None = Field(
        None,
        description="Upper limit of the time, e.g. 90s, 10m, 1h; unset: none. Its cuts depend on the machine.",
    )
    seed: int = Field(0, ge=0, description="Seed of all random numbers.")
    max_length: int = Field(128, ge=8, le=8192, description="A text is cut to this many tokens.")
    multi_label: bool = Field(False, description="Whether a text may have several labels or none.")
    validation_share: float = Field(0.15, gt=0, lt=0.5, description="Share of each label's rows used for validation.")
    validation_rows: int = Field(1000, ge=1, description="Upper limit of validation rows, approximate.")
    rare: Rare = Field("keep", description="Rows of a label with one text: keep and train, drop, or refuse the data.")
    folds: int = Field(0, ge=0, le=20, description="Folds of a cross-validation of the method; 0: none.")
    primary_metric: str = Field("accuracy", description="Metric that selects epochs, rates and methods.")
    max_risk: float | None = Field(None, gt=0, lt=1, description="Highest error rate among answers, by abstaining.")
    lr: Literal["auto"] | Annotated[float, Field(gt=0, lt=1)] = Field(
        "auto", description="Learning rate of the top layers; auto searches it."
    )
    epochs: int = Field(0, ge=0, description="Passes over the rows; 0: chosen by rows and tokens.")
    batch_rows: int = Field(0, ge=0, description="Rows per optimizer step; 0: chosen by the number of rows.")
    accumulate: int = Field(1, ge=1, description="Gradient accumulation: parts of a batch, to save memory.")
    blocks: int = Field(0, ge=0, description="layerwise: how many last blocks train; 0: all, unfrozen from the top.")
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: by the kind of processor.")
    weight_decay: float = Field(0.01, ge=0, le=1, description="Weight decay of AdamW.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout probability of hidden states.")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing of the loss.")
    consistency: float | None = Field(None, ge=0, description="R-Drop weight (0: off); unset: by the number of rows.")
    class_weights: bool = Field(False, description="Whether the loss weights all labels alike, rare or common.")
    patience: int = Field(5, ge=1, description="Epochs without improvement before the training stops.")


class ExportConfig(Section):
    max_drop: float = Field(0.005, ge=0, le=1, description="Accuracy that quantization may lose (0.005: half a point).")
    min_agreement: float = Field(0.985, ge=0, le=1, description="Least share of rows whose label stays the same.")


class ModelLimits(Section):
    """Limits of one model; if a limit is unset, the limit for all models applies."""

    max_items: int | None = Field(None, ge=1)
    max_text_chars: int | None = Field(None, ge=1)
    overlength: Literal["truncate", "reject"] | None = None


NO_LIMITS = ModelLimits(max_items=None, max_text_chars=None)


@dataclass(frozen=True)
class Limits:
    """Limits of a model: items per request, characters per text, and what happens to a text with too many tokens."""

    max_items: int
    max_text_chars: int
    overlength: Literal["truncate", "reject"]


Token = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[ -~]+$")]
"""Stripped, because files and `echo` end with a line break, which an HTTP header cannot contain."""


class ServiceConfig(Section):
    host: Given = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(3000, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(0, ge=0, description="Worker processes, at most eight per core; 0: one per core.")
    open: bool = Field(False, description="Starts without the key file that the registry knows of, open to all.")
    default_model: Given | None = Field(
        None, description="Model of requests that name none; unset: the first in service."
    )
    max_items: int = Field(256, ge=1, description="Texts in one request.")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="A longer request body is refused with 413.")
    max_text_chars: int = Field(20_000, ge=1, description="A longer text is that item's error.")
    overlength: Literal["truncate", "reject"] = Field(
        "truncate", description="A text of more tokens than its model reads is cut, or that item's error."
    )
    limits: Annotated[dict[str, ModelLimits], BeforeValidator(parsed)] = Field(
        {}, description="Tables by model: max_items, max_text_chars and overlength of that one."
    )
    max_batch_tokens: int = Field(256, ge=1, description="Padded tokens in one engine call.")
    max_queue_items: int = Field(2048, ge=1, description="Texts waiting for a worker's engine before 429.")
    max_queue_s: float = Field(1.0, gt=0, description="Seconds of work waiting for a worker's engine before 429.")
    timeout_s: float = Field(30.0, gt=0, description="A request that takes longer is answered 504.")
    head_timeout_s: float = Field(5.0, gt=0, description="Seconds until the head of a request is complete; then 408.")
    stall_s: float = Field(0.8, gt=0, description="Seconds without a byte inside a request before it ends with 408.")
    keep_alive_s: int = Field(75, ge=1, description="Seconds before an idle or unread connection is closed.")
    drain_s: float = Field(2.0, ge=0, description="Seconds after SIGTERM with answers, but a failing /readyz.")
    max_explained: int = Field(8, ge=0, description="Texts in one request with explanations; 0: none.")
    show_labelled: bool = Field(
        False, description="Whether explanations show labelled texts to every client, not only to those who may label."
    )
    max_streams: int = Field(16, ge=0, description="Event streams of a worker at a time; 0: none.")
    otlp_endpoint: Given | None = Field(
        None, description="URL for OpenTelemetry traces (OTLP over HTTP), e.g. http://collector:4318/v1/traces."
    )
    access_log: bool = Field(True, description="A line of JSON on standard output for each request.")
    champion_poll_s: float = Field(0.5, gt=0, description="Seconds between two reads of the champion pointer.")
    admin_token: Token | None = Field(
        None, description="Token for /admin and /dashboard; unset: loopback only, or a key of scope admin."
    )
    tls_certificate: Place | None = Field(None, description="PEM file of the certificate and its chain; unset: no TLS.")
    tls_key: Place | None = Field(None, description="PEM file of the certificate's private key, without a password.")
    tls_client_ca: Place | None = Field(
        None, description="PEM file of the authorities of accepted client certificates; unset: none needed."
    )

    @property
    def most_items(self) -> int:
        """Maximum number of items in a request before its model is known."""
        return max([self.max_items, *(own.max_items or 0 for own in self.limits.values())])

    def limits_of(self, model: str) -> Limits:
        own = self.limits.get(model, NO_LIMITS)
        return Limits(
            max_items=own.max_items or self.max_items,
            max_text_chars=own.max_text_chars or self.max_text_chars,
            overlength=own.overlength or self.overlength,
        )


class LedgerConfig(Section):
    url: Given | None = Field(None, description="SQLAlchemy URL; unset: SQLite under RETUNE_HOME.")
    queue_size: int = Field(10_000, ge=1, description="Predictions a worker keeps in memory before it drops some.")
    flush_s: float = Field(0.5, gt=0, description="Seconds between two writes of predictions to the ledger.")
    keep: Keep = Field("text", description="What is stored of a text: text, redacted, or features (no text).")
    sample: float = Field(1.0, ge=0, le=1, description="Share of predictions that is recorded, at random.")
    keep_days: int | None = Field(None, ge=1, description="Days after which predictions are erased; unset: never.")


class RegistryConfig(Section):
    url: Given | None = Field(None, description="fsspec URL; unset: a folder under RETUNE_HOME.")


class DriftConfig(Section):
    false_alarms_per_month: float = Field(0.5, gt=0, le=30, description="Alarms a month where nothing changed.")
    alpha: float | None = Field(
        None, gt=0, lt=0.5, description="Level of the test of one window; unset: follows from the rate of false alarms."
    )
    min_rows: int = Field(50, ge=10, description="With fewer rows a check says insufficient_data.")
    window_rows: int = Field(2000, ge=10, description="A check compares at most this many recent rows.")
    resamples: int = Field(1000, ge=100, description="Permutations per p-value.")
    interval_s: float = Field(300.0, gt=0, description="Seconds between two checks of 'retune monitor'.")
    every_rows: int = Field(0, ge=0, description="A check also comes after so many new predictions; 0: by time only.")
    catch_up: int = Field(4, ge=1, description="Windows that a round checks at most, the oldest of them first.")
    compare_with: Literal["reference", "last week"] = Field(
        "reference", description="What a window of traffic is compared with: reference, or last week at the same hours."
    )


def _trusted(value: Any) -> Any:
    """A rule, or a list of sources; the names of sources in one text are separated by commas."""
    return value if value in ("latest", "majority") else listed(value)


class LabelsConfig(Section):
    budget: int = Field(120, ge=10, description="Labels requested after a drift.")
    measure_share: float = Field(
        0.35, gt=0, lt=1, description="Share of them that only measures and is never trained on."
    )
    trust: Annotated[Trust, BeforeValidator(_trusted)] = Field(
        "latest",
        description="Which label counts if sources differ: latest, majority, or names of sources, the first one first.",
    )
    source_quota: int = Field(
        0, ge=0, description="Texts of one source whose labels count, the last ones; 0 is no limit."
    )
    loss_alpha: float = Field(
        0.05, gt=0, lt=0.5, description="Probability that random texts ever show a loss of accuracy that is none."
    )
    audit_per_week: int = Field(
        20, ge=0, description="Random held-out texts to label each week, whatever the checks say; 0: none."
    )
    expire_days: int = Field(14, ge=0, description="Days after which a label is no longer waited for; 0: never.")
    min_texts: int = Field(10, ge=1, description="Different labelled texts that a retrain or a roll back rests on.")

    @property
    def counting(self) -> Counting:
        return Counting(self.trust, self.source_quota)


class GateConfig(Section):
    alpha: float = Field(
        0.05, gt=0, lt=0.5, description="Significance level of the one-sided test that the challenger is better."
    )
    max_old_drop: float = Field(0.01, ge=0, le=1, description="Largest accepted loss of accuracy on old rows.")
    min_rows: int = Field(20, ge=5, description="With fewer fresh labelled rows the gate holds.")


class GuardConfig(Section):
    enabled: bool = Field(True, description="Whether a new champion is watched, and rolled back if it disappoints.")
    hours: float = Field(24.0, gt=0, le=8760, description="A guard ends after so many hours in which it was watched.")
    labels: int = Field(200, ge=10, description="It ends earlier after so many labelled texts.")
    alpha: float = Field(0.05, gt=0, lt=0.5, description="Probability that an equal champion is ever rolled back.")
    poll_s: float = Field(5.0, gt=0, le=30, description="Seconds between two looks of 'retune monitor' at open guards.")
    max_failed: float = Field(
        0.02, ge=0, lt=1, description="Share of requests that may fail beyond that of the version before."
    )
    max_abstained: float = Field(
        0.1, ge=0, lt=1, description="Share of texts that it may leave unanswered where the version before answers."
    )
    max_slowdown: float = Field(2.0, gt=1, description="How many times as slow as the version before it may be.")


ChallengerName = Literal["head", "tuned", "fresh"]


class RetrainConfig(Section):
    ladder: Annotated[list[ChallengerName], BeforeValidator(listed)] = Field(
        ["head", "tuned", "fresh"],
        min_length=1,
        description="Challengers in the order of their trial: head keeps the champion's encoder, tuned trains it on, "
        "fresh trains the base model.",
    )
    spread: bool = Field(
        True, description="Whether a new head also learns the labels of given rows for unlabelled texts near them."
    )
    label_names: bool = Field(True, description="Whether a new head learns the names of new labels as texts of them.")


class WorkerConfig(Section):
    threads: int = Field(
        0, ge=0, description="Threads of a job; 0: all cores, but one while a server of this home runs."
    )


FormName = Literal["json", "slack", "teams"]


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.port == 0:
        raise ValueError("it is no address such as https://host/path")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("it has blanks, control characters or others than ASCII; write them as %20")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it has a user name; give a token in the path, or check the signature")
    return url


class WebhookConfig(Section):
    """One webhook; `events` None: all of them."""

    url: Annotated[Given, AfterValidator(_web_address)] = Field(repr=False)
    form: FormName = "json"
    events: list[Event] | None = None


class AlertsConfig(Section):
    webhooks: Annotated[dict[str, WebhookConfig], BeforeValidator(parsed)] = Field(
        {}, description="Tables by name, [alerts.webhooks.ops]: url, form (json, slack, teams) and events of that one."
    )
    secret: Token | None = Field(None, repr=False, description="Signs what is sent; better in the environment.")
    allow_private: bool = Field(False, description="Whether a webhook may have a private address, also without TLS.")
    timeout_s: float = Field(5.0, gt=0, le=60, description="Seconds for one try of a delivery.")

    @property
    def of_event(self) -> dict[Event, list[str]]:
        """The names of the webhooks that want each event."""
        wanted = {name: webhook.events or EVENTS for name, webhook in self.webhooks.items()}
        return {event: [name for name, events in wanted.items() if event in events] for event in EVENTS}


class Config(Section):
    """All settings. State is stored under `home`; a URL stores the ledger or the registry elsewhere."""

    home: Place = Path(".retune")
    finetune: FinetuneConfig = FinetuneConfig()
    export: ExportConfig = ExportConfig()
    service: ServiceConfig = ServiceConfig()
    ledger: LedgerConfig = LedgerConfig()
    registry: RegistryConfig = RegistryConfig()
    drift: DriftConfig = DriftConfig()
    labels: LabelsConfig = LabelsConfig()
    gate: GateConfig = GateConfig()
    guard: GuardConfig = GuardConfig()
    retrain: RetrainConfig = RetrainConfig()
    policy: PolicyConfig = PolicyConfig()
    worker: WorkerConfig = WorkerConfig()
    alerts: AlertsConfig = AlertsConfig()

    @property
    def ledger_url(self) -> str:
        return self.ledger.url or f"sqlite:///{self.home.absolute() / 'ledger.db'}"

    @property
    def registry_url(self) -> str:
        return self.registry.url or str(self.home.absolute() / "registry")

    @property
    def keys_file(self) -> Path:
        return self.home.absolute() / "keys.json"

    @property
    def cache(self) -> Path:
        return self.home.absolute() / "cache"

    @property
    def embeddings(self) -> Path:
        return self.cache / "embeddings"

    @property
    def datasets(self) -> Path:
        return self.home.absolute() / "datasets"

    @property
    def checkpoints(self) -> Path:
        return self.home.absolute() / "checkpoints"

    @property
    def reports(self) -> Path:
        return self.home.absolute() / "reports"


def load_config(path: Path | None = None, *, environment: Mapping[str, str] | None = None) -> Config:
    """The config of `path`, else of `RETUNE_CONFIG`, else of `./retune.toml`, else the defaults.

    `RETUNE_HOME` sets the home; `RETUNE_SECTION__KEY` sets a key, e.g. `RETUNE_SERVICE__PORT=3001`.
    Two underscores, because Kubernetes sets variables such as `RETUNE_SERVICE_PORT=tcp://…`.
    Raises `UnknownConfigKey`, `InvalidConfigValue`, `UnreadableConfig` or `FileMissing`.
    """
    variables = os.environ if environment is None else environment
    named, values = file_values(path, variables)
    config = _validated(Config, values, source=str(named or FILE_NAME))
    overrides = overrides_of(variables)
    return _validated(Config, _merged(values, overrides), source=ENVIRONMENT) if overrides else config


def file_values(path: Path | None, variables: Mapping[str, str]) -> tuple[Path | None, dict[str, Any]]:
    """The file that is named, None if none is, and the values of it or of `./retune.toml`; raises as `load_config`."""
    named = path or _named_file(variables.get("RETUNE_CONFIG"))
    return named, _read_toml(named)


def _named_file(name: str | None) -> Path | None:
    if name is None:
        return None
    try:
        return Path(_expanded(_given(name)))
    except ValueError as error:
        raise InvalidConfigValue("RETUNE_CONFIG", name, str(error), ENVIRONMENT) from error


def _read_toml(path: Path | None) -> dict[str, Any]:
    source = path or Path(FILE_NAME)
    if not source.exists():  # also a pipe or /dev/null may be named
        if path is not None:
            raise FileMissing(path, what="config file")
        return {}
    try:
        return tomllib.loads(source.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UnreadableConfig(source, "it is not encoded as UTF-8") from error
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UnreadableConfig(source, getattr(error, "strerror", None) or str(error)) from error


def overrides_of(variables: Mapping[str, str]) -> dict[str, Any]:
    """The values that the environment sets."""
    overrides: dict[str, Any] = {}
    for name, value in variables.items():
        if name == "RETUNE_HOME":
            overrides["home"] = value
        elif name.startswith("RETUNE_") and "__" in name:
            section, _, key = name.removeprefix("RETUNE_").lower().partition("__")
            overrides.setdefault(section, {})[key] = value
    return overrides


def _merged(values: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in overrides.items():
        merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
    return merged


def _validated(section: type[AnySection], values: dict[str, Any], *, source: str) -> AnySection:
    try:
        return section.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        location = [str(part) for part in first["loc"]]
        if source == ENVIRONMENT:
            source = f"{ENVIRONMENT} ({_variable(location)})"
        if first["type"] == "extra_forbidden":
            raise UnknownConfigKey(".".join(location), _known_keys(location[:-1]), _all_keys(), source) from error
        problem = first["msg"].removeprefix("Value error, ")
        shown = NOT_SHOWN if location[0] == "alerts" else first["input"]
        raise InvalidConfigValue(".".join(location), shown, problem, source) from error


INNER: dict[str, type[Section]] = {
    "service.limits": ModelLimits,
    "policy.models": ModelPolicy,
    "alerts.webhooks": WebhookConfig,
}
"""The sections of the tables inside of a section."""


def _variable(location: Sequence[str]) -> str:
    """
    >>> _variable(["home"]), _variable(["service", "limits", "sms", "max_items"])
    ('RETUNE_HOME', 'RETUNE_SERVICE__LIMITS')
    """
    return "__".join([f"RETUNE_{location[0]}", *location[1:2]]).upper()


def overridden(section: AnySection, values: Mapping[str, Any], *, source: str) -> AnySection:
    """A copy of the section with the values that are not None; raises `InvalidConfigValue`."""
    given = {key: value for key, value in values.items() if value is not None}
    return _validated(type(section), {**section.model_dump(), **given}, source=source)


def _all_keys() -> list[str]:
    return [key for section in Config.model_fields for key in _known_keys([section])]


def _known_keys(section: list[str]) -> list[str]:
    """The keys of a section, or of the top level."""
    if not section:
        return list(Config.model_fields)
    model = INNER.get(".".join(section[:2])) or Config.model_fields[section[0]].annotation
    return [".".join([*section, key]) for key in getattr(model, "model_fields", {})]
