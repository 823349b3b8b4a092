"""A frozen champion is replaced by nobody, until the freeze ends."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from core.clock import utc_now
from core.config import Config
from core.errors import ChampionChanged, FreezeIsOver, InvalidUntil, ModelFrozen, NoChampion
from core.freezes import FILE, Freeze, freeze_of, until_of
from core.home import Home
from core.loop.orders import freeze, unfreeze
from core.package import read_facts, write_facts, write_manifest
from core.promotion import promote, roll_back

STORED = Path(__file__).parent / "stored" / "format-1"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """`m@2` is the champion, `m@1` was it before."""
    made, other = Home(Config(home=tmp_path / "home")), tmp_path / "other"
    shutil.copytree(STORED, other)
    write_facts(other, replace(read_facts(other), golden=[]))
    write_manifest(other)
    for package in (STORED, other):
        made.registry.promote("m", made.registry.add(package, "m"))
    return made


def test_a_frozen_champion_is_neither_replaced_nor_rolled_back(home: Home) -> None:
    freeze(home, "m", Freeze(utc_now(), until_of("3d"), "holiday sale", "ann"))
    for change in (partial(promote, home, "m", "1"), partial(roll_back, home, "m")):
        with pytest.raises(ModelFrozen, match=r"frozen until .* 20.* UTC \(holiday sale\)\. .*retune unfreeze m"):
            change()
    assert promote(home, "m", "2").version == "2"  # it changes nothing
    assert unfreeze(home, "m", by="ann") is not None
    assert roll_back(home, "m").version == "1"
    steps = home.ledger.loop_steps.latest("m")
    assert [step.did for step in steps] == ["unfrozen", "frozen"]
    assert steps[0].reason.startswith("It was frozen until")


def test_a_freeze_that_ended_counts_no_more(home: Home) -> None:
    with pytest.raises(FreezeIsOver, match="1 Jan 2020, 00:00 UTC is over"):
        freeze(home, "m", Freeze(utc_now(), until_of("2020-01-01")))
    home.registry.write_note(f"m/{FILE}", b'{"since": "2019", "until": "2020-01-01T00:00:00.000000+00:00"}')
    assert promote(home, "m", "1").version == "1"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"until": 5}'])
def test_a_freeze_that_cannot_be_read_holds(home: Home, content: bytes) -> None:
    home.registry.write_note(f"m/{FILE}", content)
    with pytest.raises(ModelFrozen, match="cannot be read"):
        promote(home, "m", "1")
    unfreeze(home, "m", by="ann")
    assert freeze_of(home.registry, "m", now=utc_now()) is None


def test_a_freeze_needs_no_ledger_and_a_champion(home: Home) -> None:
    home.ledger.database.close()
    (home.folder / "ledger.db").write_bytes(b"this is not a database" * 100)
    broken = Home(home.config)
    freeze(broken, "m", Freeze(utc_now()))
    with pytest.raises(ModelFrozen, match="until a person ends it"):
        promote(broken, "m", "1")
    home.registry.add(STORED, "idle")
    with pytest.raises(NoChampion):
        freeze(broken, "idle", Freeze(utc_now()))


def test_only_the_expected_champion_is_rolled_back(home: Home) -> None:
    with pytest.raises(ChampionChanged, match="m@2 is the champion, and m@1 is expected"):
        roll_back(home, "m", expected="1")
    assert roll_back(home, "m", expected="2").version == "1"


@pytest.mark.parametrize("text", ["", "soon", "3", "99999999999999999d", "2026-13-01", "9999-12-31T23:59-12:00", "20y"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidUntil, match="is no time within ten years"):
        until_of(text)


def test_a_freeze_goes_with_its_model(home: Home, tmp_path: Path) -> None:
    freeze(home, "m", Freeze(utc_now(), None, "", "ann"))
    home.registry.remove_model("m")
    later = home.registry.add(STORED, "m")
    assert promote(home, "m", later).version == later
    other = home.registry.add(tmp_path / "other", "m")
    assert promote(home, "m", other).version == other
