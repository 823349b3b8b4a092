"""The home and the package of a case of `cost.py`, opened without what made them."""

from __future__ import annotations

from pathlib import Path

from core.champion import ChampionPackage
from core.config import Config, DriftConfig
from core.home import Home
from core.package import read_facts, read_left_out, read_reference
from core.registry import Champion
from core.texts.summary import read_text_summary

MODEL, VERSION = "tickets", "1"
SIDE_ROWS, SHORT_ROWS = 2_000, 60
"""Rows of a side, and of the window before."""


def home_of(folder: Path) -> Home:
    """Blocks are as long as both windows."""
    return Home(Config(home=folder / "home", drift=DriftConfig(window_rows=SIDE_ROWS + SHORT_ROWS)))


def package_of(folder: Path) -> ChampionPackage:
    return ChampionPackage(
        MODEL,
        Champion(VERSION),
        folder,
        read_facts(folder),
        read_reference(folder),
        read_text_summary(folder),
        read_left_out(folder),
    )
