"""Puts the latest line of each script in results.jsonl into the tables of README.md, between its marks.

python benchmarks/serving/table.py
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ceiling import CEILING
from results import latest
from setting import HERE

README = HERE / "README.md"


def main() -> None:
    content = README.read_text(encoding="utf-8")
    for script, facts in latest().items():
        content = marked(content, script, TABLES[script](facts))
    README.write_text(content, encoding="utf-8")


def marked(content: str, name: str, table: str) -> str:
    return re.sub(
        rf"(<!-- {name} -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}{table}\n{found[2]}",
        content,
        flags=re.DOTALL,
    )


def compare(facts: dict[str, Any]) -> str:
    alone = facts["systems"][CEILING]
    systems = {name: found for name, found in facts["systems"].items() if name != CEILING}
    conditions = (
        f"{facts['package']}, {facts['rounds']} rounds of {facts['seconds']:g} s; the engine alone: "
        f"{alone['texts_per_s']:.0f} texts/s, one text {alone['one_text_ms']:.2f} ms."
    )
    return "\n\n".join([_origin(facts), conditions, throughput(systems, alone), latency(systems), footprint(systems)])


def throughput(systems: dict[str, Any], alone: dict[str, Any]) -> str:
    connections = list(next(iter(systems.values()))["loads"])
    rows = []
    for name, found in systems.items():
        speeds = [found["loads"][count]["texts_per_s"] for count in connections]
        bad = sum(found["loads"][count]["not_200"] + found["loads"][count]["broken"] for count in connections)
        share = max(speeds) / alone["texts_per_s"]
        rows.append([name, *(f"{speed:.0f}" for speed in speeds), f"{share:.0%}", f"{bad:.0f}"])
    return table(["texts/s at connections", *connections, "best of engine", "not answered"], rows)


def latency(systems: dict[str, Any]) -> str:
    connections = list(next(iter(systems.values()))["loads"])
    rows = [
        [name, *(f"{load['p50_ms']:.1f} / {load['p99_ms']:.0f}" for load in found["loads"].values())]
        for name, found in systems.items()
    ]
    return table(["p50 / p99 ms at connections", *connections], rows)


def footprint(systems: dict[str, Any]) -> str:
    head = ["system", "p99 ms, short alone", "short among long", "worker MB", "all MB", "processes", "ready s"]
    rows = [
        [
            name,
            *(_number(found["p99_ms"][kind], ".0f") for kind in ("short_alone", "short_among_long")),
            *(f"{found['memory'][kind]:.0f}" for kind in ("worker_mb", "whole_mb", "processes")),
            f"{found['ready_s']:.1f}",
        ]
        for name, found in systems.items()
    ]
    return table(head, rows)


def overload(facts: dict[str, Any]) -> str:
    normal, refused, generator = facts["normal_ms"], facts["refused_ms"], facts["generator"]
    answered = facts["answered_ms"]
    return _facts_table(
        facts,
        ("capacity", f"{facts['capacity_per_s']:.0f} answers/s"),
        ("answers at five times that", _counts(facts["statuses"])),
        ("429 without Retry-After", facts["refused_without_retry_after"]),
        ("429, p99 / max", f"{_number(refused['p99'], '.1f')} / {_number(refused['max'], '.1f')} ms"),
        ("200, p50 / p99", f"{_number(answered['p50'], '.0f')} / {_number(answered['p99'], '.0f')} ms"),
        ("goodput, of the capacity", f"{facts['goodput_share']:.1%}"),
        ("not sent: every connection busy", f"{facts['unsent']} (at most {facts['connections']} connections)"),
        ("load generator", f"late by {generator['late_ms']} ms at most, {generator['core_share']:.0%} of a core"),
        ("normal latency before / after", f"{normal['before']:.1f} / {_number(normal['after'], '.1f')} ms"),
        ("normal again after", _again(facts["normal_again_s"])),
    )


def swaps(facts: dict[str, Any]) -> str:
    changes = [(kind, facts[f"{kind}_s"]) for kind in ("promotion", "rollback") if facts[f"{kind}_s"]]
    p99 = facts["p99_ms"]
    return _facts_table(
        facts,
        ("swaps", facts["swaps"]),
        ("answers", _counts(facts["statuses"])),
        ("answers of another version than they name", facts["wrong"]),
        *(
            (f"{kind}, median / max of {took['count']}", f"{took['median']} / {took['max']} s")
            for kind, took in changes
        ),
        ("p99 steady / during a swap", f"{_number(p99['steady'], '.0f')} / {_number(p99['during'], '.0f')} ms"),
        *((f"worker memory after {n} swaps", _listed(mb, "MB")) for n, mb in facts["worker_resident_mb"].items()),
    )


def equality(facts: dict[str, Any]) -> str:
    return _facts_table(
        facts,
        ("answers", facts["texts"]),
        ("failed", facts["failed"]),
        ("labels that differ", facts["labels_changed"]),
        ("largest difference of a probability", f"{facts['largest_move']:.1e}"),
    )


def poison(facts: dict[str, Any]) -> str:
    return _facts_table(
        facts,
        ("requests", f"{facts['requests']} of {facts['items_a_request']} items"),
        ("requests not answered 200", facts["requests_not_200"]),
        ("good items", facts["good"]),
        ("of them failed / wrong", f"{facts['good_failed']} / {facts['good_wrong']}"),
        ("poisoned items", facts["poison"]),
        ("of them without an error", facts["poison_without_error"]),
        ("bodies with a lone surrogate", _counts(facts["lone_surrogate_statuses"])),
    )


def stopping(facts: dict[str, Any]) -> str:
    lost, unready, exits = facts["lost"], facts["unready_s"], facts["exit_s"]
    return _facts_table(
        facts,
        ("SIGTERM under load", f"{facts['times']} times"),
        ("answers", _counts(facts["answers"])),
        ("lost on a connection that had answered", lost["used connection"]),
        ("lost on a new connection", lost["new connection"]),
        ("not ready after, median / max", f"{unready['median']} / {unready['max']} s ({_counts(facts['unready_as'])})"),
        ("ended after, median / max", f"{exits['median']} / {exits['max']} s"),
        ("exit codes", _counts(facts["exit_codes"])),
        *((f"worker killed, {name.replace('_', ' ')}", _fate(fate)) for name, fate in facts["killed_worker"].items()),
    )


def random_paths(facts: dict[str, Any]) -> str:
    return _facts_table(
        facts,
        ("paths", f"{facts['paths']}: {_counts(facts['statuses'])}"),
        ("lines of /metrics added by the first 100", facts["lines_added_by_first"]),
        ("by the rest", facts["lines_added_by_rest"]),
    )


def explain(facts: dict[str, Any]) -> str:
    speed, took, rows = facts["texts_per_s"], facts["explained_ms"], facts["rows"]
    shares = facts["share_left"]
    return _facts_table(
        facts,
        ("others alone / beside it", f"{speed['alone']:.0f} / {speed['beside']:.0f} texts/s"),
        (f"share left to the others, median of {facts['rounds']} rounds", f"{shares['median']:.1%}"),
        ("of single rounds", f"{min(shares['rounds']):.1%} to {max(shares['rounds']):.1%}"),
        ("texts explained meanwhile", f"{facts['explained']}: {_counts(facts['statuses'])}"),
        ("explanations that were late", facts["late"]),
        *(
            (f"an explained text {name}, p50 / p99", f"{ms['p50']:.0f} / {ms['p99']:.0f} ms")
            for name, ms in took.items()
        ),
        ("engine rows of a text, median / max", f"{rows['median']:.0f} / {rows['max']}"),
        ("texts with more rows than 1 + words", rows["more_than_words"]),
    )


def live_pages(facts: dict[str, Any]) -> str:
    rounds = facts["kept_rounds"]
    return _facts_table(
        facts,
        (f"without / beside {facts['pages']} pages", f"{facts['without']} / {facts['beside']} texts/s"),
        (f"share kept, median of {len(rounds)} rounds", f"{facts['kept']:.1%}"),
        ("of single rounds", f"{min(rounds):.1%} to {max(rounds):.1%}"),
        ("events that a page got in a round", f"{facts['events_a_page']:g}"),
    )


def _again(seconds: float | None) -> str:
    return "not while it was watched" if seconds is None else f"{seconds:g} s"


def _fate(fate: dict[str, Any]) -> str:
    if "ended_s" in fate:
        return f"the server ended after {fate['ended_s']} s, exit code {fate['exit_code']}"
    if "full_again_s" in fate:
        return f"all {fate['workers']} workers again after {fate['full_again_s']} s"
    return f"neither replaced nor ended within {fate['neither_within_s']:g} s"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _facts_table(facts: dict[str, Any], *rows: tuple[str, Any]) -> str:
    return f"{_origin(facts)}\n\n{table(['what', 'measured'], rows)}"


def _origin(facts: dict[str, Any]) -> str:
    return f"{facts['at'][:10]}, commit {facts['commit']}, {facts['machine']}:"


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in found.items()) or "none"


def _listed(values: Sequence[Any], unit: str) -> str:
    return f"{', '.join(map(str, values))} {unit}"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "compare": compare,
    "compare_mixed": compare,
    "overload": overload,
    "swaps": swaps,
    "equality": equality,
    "poison": poison,
    "stopping": stopping,
    "random_paths": random_paths,
    "explain": explain,
    "live_pages": live_pages,
}

if __name__ == "__main__":
    main()
