"""The command line in an empty folder with a new home."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.main import main
from core.config import Config
from core.errors import LedgerUnreadable
from core.home import Home
from core.ledger import Ledger, open_ledger

Result = tuple[int, str, str]
"""Exit code, stdout and stderr."""
Command = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def retune(home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `retune WORDS`; a traceback fails the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.nice", lambda _: 0)  # a worker would lower the priority of all tests

    def run(*words: str | Path) -> Result:
        with pytest.raises(SystemExit) as stop:
            main(["--home", str(home), *map(str, words)])
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return int(stop.value.code or 0), out, err

    return run


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    opened = open_ledger(Config(home=home))
    yield opened
    opened.database.close()


@pytest.fixture
def ledger_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database of the ledger answers nobody."""

    def away(_: Home) -> Ledger:
        raise LedgerUnreadable("postgresql://db/retune", "connection refused")

    monkeypatch.setattr(Home, "ledger", property(away))
