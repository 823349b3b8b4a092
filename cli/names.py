"""Names of models and versions as parameters of commands, which shells complete."""

from __future__ import annotations

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem
from click.types import StringParamType

from cli.context import Run
from core.errors import RetuneError
from core.registry import Registry


class ModelName(StringParamType):
    """The name of a model."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return _beginning_with(incomplete, known(ctx, ""))


class VersionName(StringParamType):
    """NAME@VERSION, or also NAME."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return _beginning_with(incomplete, known(ctx, incomplete))


MODEL, VERSION = ModelName(), VersionName()


def typed(parameter: click.Parameter) -> click.Parameter:
    """The parameter with the type of what it names."""
    metavar = parameter.metavar or ""
    if metavar.startswith("NAME") and "@" in metavar:
        parameter.type = VERSION
    elif parameter.name == "model":
        parameter.type = MODEL
    return parameter


def known(context: click.Context, begun: str) -> list[str]:
    """The models, and the versions of that whose name is complete; none without a home that can be read."""
    options = context.find_root().params
    try:
        registry = Run(options.get("config_path"), options.get("home")).home.registry
        return _names(registry, begun)
    except (RetuneError, OSError):
        return []


def _names(registry: Registry, begun: str) -> list[str]:
    model, at, _ = begun.partition("@")
    catalog = registry.catalog()
    versions = [f"{model}@{version}" for version in catalog.get(model, [])]
    return versions if at else [*(name for name in catalog if name != model), *versions]


def _beginning_with(incomplete: str, names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
