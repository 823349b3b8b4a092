"""Each setting with its value for people, its source, and the processes that read it at their start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.config import NOT_SHOWN, Config
from core.config_sources import Sources
from core.section import Section

GATEWAY, MONITOR, WORKER, COMMANDS = "gateway", "monitor", "worker", "commands"
PROCESSES = (GATEWAY, MONITOR, WORKER)
READ_BY: dict[str, tuple[str, ...]] = {
    "home": PROCESSES,
    "registry": PROCESSES,
    "finetune": (WORKER, COMMANDS),
    "export": (WORKER, COMMANDS),
    "service": (GATEWAY,),
    "ledger.url": PROCESSES,
    "ledger.keep": (GATEWAY, MONITOR, WORKER),
    "ledger.keep_days": (GATEWAY, MONITOR, COMMANDS),
    "ledger": (GATEWAY,),
    "drift": (MONITOR, WORKER),
    "labels": PROCESSES,
    "gate": (MONITOR, WORKER),
    "guard": (MONITOR,),
    "retrain": (WORKER,),
    "policy": (GATEWAY, MONITOR),
    "worker": (WORKER,),
    "alerts": (MONITOR,),
}
"""By key, else by section. All of them read the config once, at their start."""
SECRET = ("service.admin_token", "alerts.secret", "alerts.webhooks")
URLS = ("ledger.url", "registry.url")
PASSWORD = re.compile(r"(//[^/@:]*):[^/@]*@")
PLACES = ("home", "ledger.url", "registry.url", "finetune.base_model")
"""A child process gets the default of these with an absolute path."""
DEFAULT, NOT_KNOWN = "default", "the command that started the server"


@dataclass(frozen=True)
class Setting:
    """`value`: for people, without secrets; `read_by`: what has to be started again for another value."""

    key: str
    value: str
    source: str
    meaning: str
    read_by: tuple[str, ...]

    @property
    def is_default(self) -> bool:
        return self.source == DEFAULT


def settings_of(config: Config, sources: Sources) -> list[Setting]:
    """All settings in the order of the config."""
    home = Setting("home", str(config.home), _source(config, "home", sources), "Folder of the state.", read_by("home"))
    return [
        home,
        *(setting for name in type(config).model_fields if name != "home" for setting in _of(config, name, sources)),
    ]


def read_by(key: str) -> tuple[str, ...]:
    """
    >>> read_by("service.port"), read_by("ledger.url")
    (('gateway',), ('gateway', 'monitor', 'worker'))
    """
    return READ_BY.get(key) or READ_BY[key.partition(".")[0]]


def shown(key: str, value: Any) -> str:
    """
    >>> shown("service.admin_token", "s3cret"), shown("service.port", 3000), shown("labels.trust", ["anna", "ben"])
    ('(not shown)', '3000', 'anna, ben')
    >>> shown("ledger.url", "postgresql://me:s3cret@host/ledger"), shown("alerts.secret", None), shown("gate.on", True)
    ('postgresql://me:***@host/ledger', 'unset', 'true')
    """
    if value is None:
        return "unset"
    if key in SECRET:
        return NOT_SHOWN if value else "none"
    if key in URLS:
        return PASSWORD.sub(r"\1:***@", str(value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_table(table)}" for name, table in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value.absolute()) if isinstance(value, Path) else str(value)


def unknown_models(config: Config, known: Iterable[str]) -> list[str]:
    """Tables of models that the registry does not have, such as `policy.models.tickts`: a model may come later, or a
    name is wrong.
    """
    models = set(known)
    tables: dict[str, Mapping[str, Section]] = {
        "policy.models": config.policy.models,
        "service.limits": config.service.limits,
    }
    return [f"{table}.{name}" for table, names in tables.items() for name in names if name not in models]


def _of(config: Config, name: str, sources: Sources) -> list[Setting]:
    section: Section = getattr(config, name)
    fields = type(section).model_fields
    return [
        Setting(
            key := f"{name}.{field}",
            shown(key, getattr(section, field)),
            _source(config, key, sources),
            facts.description or "",
            read_by(key),
        )
        for field, facts in fields.items()
    ]


def _source(config: Config, key: str, sources: Sources) -> str:
    if key in sources:
        return sources[key]
    return DEFAULT if key in PLACES or _value(Config.model_construct(), key) == _value(config, key) else NOT_KNOWN


def _value(config: Config, key: str) -> Any:
    section, _, field = key.partition(".")
    found = getattr(config, section)
    return getattr(found, field) if field else found


def _table(table: Any) -> str:
    given = table.model_dump(exclude_none=True) if isinstance(table, Section) else table
    return ", ".join(f"{name} {shown('', value)}" for name, value in given.items())
