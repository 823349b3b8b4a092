from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

import monitoring.round
from core.champion import ChampionPackage, read_champion
from core.config import LedgerConfig
from core.engine import Engine
from core.errors import ModelNotFound, UnusableRegistry, WatchedByAnother
from core.home import Home
from core.records import Decision, DecisionRecord
from monitoring.check import check
from monitoring.round import Checked, Monitor
from monitoring.watch import WindowCheck, check_window
from tests.monitoring.conftest import MODEL, Served
from tests.words import word_examples


class Panic(BaseException):
    """As those of Rust extensions."""


@dataclass
class Output:
    checked: list[Checked] = field(default_factory=list)
    problems: list[tuple[str, BaseException]] = field(default_factory=list)
    erased: list[int] = field(default_factory=list)


def respond(home: Home, champion: ChampionPackage) -> DecisionRecord:
    home.ledger.record_decision(champion.model, Decision("none"), check_id=None)
    return home.ledger.decisions(champion.model, limit=1)[0]


def monitor(home: Home, *, only: str | None = None) -> tuple[Monitor, Output]:
    output = Output()
    rounds = Monitor(
        home,
        respond,
        only=only,
        on_checked=output.checked.append,
        on_problem=lambda name, error: output.problems.append((name, error)),
        on_erased=output.erased.append,
    )
    return rounds, output


def second_model(served: Served) -> None:
    served.registry.add(served.registry.folder(MODEL, "1"), "another")
    served.registry.promote("another", "1")


def receive(served: Served, rows: int = 60) -> None:
    served.receive(Engine(served.registry.folder(MODEL, served.version)).features(word_examples(rows, seed=1)))


@pytest.mark.parametrize("error", [Panic("boom"), MemoryError(), RecursionError(), OSError(28, "full")])
def test_an_error_of_any_class_ends_one_model_only(
    served: Served, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(home: Home, champion: ChampionPackage) -> WindowCheck:
        if champion.model == "another":
            raise error
        return check_window(home, champion)

    second_model(served)
    monkeypatch.setattr(monitoring.round, "check_window", broken)
    rounds, output = monitor(served.home)
    assert not rounds.run(once=True, stop=threading.Event())
    assert output.problems == [("another", error)]
    assert [checked.model for checked in output.checked] == [MODEL]


def test_the_rounds_go_on_after_a_round_without_a_registry(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, names = threading.Event(), served.registry.models

    def flaky() -> list[str]:
        monkeypatch.setattr(served.registry, "models", last)
        raise ConnectionError("away")

    def last() -> list[str]:
        stop.set()
        return names()

    monkeypatch.setattr(served.registry, "models", flaky)
    drift = served.config.drift.model_copy(update={"interval_s": 0.01})
    served.home.config = served.config.model_copy(update={"drift": drift})
    rounds, output = monitor(served.home)
    assert rounds.run(once=False, stop=stop)
    assert [name for name, _ in output.problems] == ["registry"]
    assert len(output.checked) == 1


def test_an_output_that_nobody_reads_does_not_end_the_rounds(served: Served) -> None:
    def closed(*_given: object) -> None:
        raise BrokenPipeError

    rounds = Monitor(served.home, respond, None, on_checked=closed, on_problem=closed, on_erased=closed)
    assert not rounds.run(once=True, stop=threading.Event())
    assert len(served.ledger.decisions(MODEL)) == 1


def test_a_wrong_config_ends_the_rounds(served: Served) -> None:
    registry = served.config.registry.model_copy(update={"url": "nowhere://x"})
    home = Home(served.config.model_copy(update={"registry": registry}))
    with pytest.raises(UnusableRegistry):
        monitor(home)[0].run(once=True, stop=threading.Event())
    with pytest.raises(ModelNotFound, match="'absent'"):
        monitor(served.home, only="absent")[0].run(once=False, stop=threading.Event())


def interrupted(home: Home, champion: ChampionPackage) -> WindowCheck:
    raise KeyboardInterrupt


def failing(home: Home, champion: ChampionPackage) -> WindowCheck:
    raise RuntimeError


@pytest.mark.parametrize("broken", [failing, interrupted])
def test_old_predictions_are_erased_whatever_the_checks_do(
    served: Served, broken: Callable[..., WindowCheck], monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(served)
    monkeypatch.setattr("core.privacy.erasure.time.time", lambda: 4e9)
    monkeypatch.setattr(monitoring.round, "check_window", broken)
    home = Home(served.config.model_copy(update={"ledger": LedgerConfig(keep_days=1)}))
    rounds, output = monitor(home, only=MODEL)
    with pytest.raises(KeyboardInterrupt) if broken is interrupted else nullcontext():
        rounds.run(once=True, stop=threading.Event())
    home.close()
    assert output.erased == [60]


def test_of_two_monitors_one_works_and_the_other_says_so(served: Served) -> None:
    receive(served)
    (first, seen), other_home = monitor(served.home), Home(served.config)
    second, refused = monitor(other_home)
    assert first.run_round()
    assert not second.run_round()
    assert not second.run_round()
    assert first.run_round()
    assert {type(error) for _, error in refused.problems} == {WatchedByAnother}
    assert "process" in str(refused.problems[0][1])
    assert (len(seen.checked), len(refused.checked)) == (2, 0)
    first.run(once=True, stop=threading.Event())  # releases at its end
    assert second.run(once=True, stop=threading.Event())
    other_home.close()


def test_rows_that_were_judged_meanwhile_are_not_judged_again(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(*given: object, **options: object) -> object:
        with monkeypatch.context() as undone:
            undone.setattr("monitoring.baseline.check", check)
            check_window(served.home, read_champion(served.registry, MODEL))
        return check(*given, **options)  # type: ignore[arg-type]

    receive(served)
    monkeypatch.setattr("monitoring.baseline.check", overtaken)
    rounds, output = monitor(served.home)
    assert not rounds.run(once=True, stop=threading.Event())
    assert "in the meantime" in str(output.problems[0][1])
    assert [found.verdict.outcome for found in served.ledger.checks(MODEL)] == ["ok"]


def test_pictures_come_after_check_and_decision_and_stop_neither(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.config.home.mkdir(exist_ok=True)
    (served.config.home / "evidently").touch()
    (served.config.home / "reports").touch()
    served.receive(
        replace(Engine(served.registry.folder(MODEL, "1")).features(word_examples(80, seed=1)), length=np.full(80, 14))
    )
    rounds, output = monitor(served.home)
    assert rounds.run(once=True, stop=threading.Event())
    assert output.checked[0].check.verdict.outcome == "drift"
    assert len(served.ledger.decisions(MODEL)) == 1
    assert len(caplog.messages) == 2
