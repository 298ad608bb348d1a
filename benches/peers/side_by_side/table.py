"""What was measured, summed up: medians with the least and the greatest, and how Discovery stands to each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from .systems import DISCOVERY, JOURNAL_ALONE, NAMES

Line = dict[str, Any]

MIB = 2**20


@dataclass(frozen=True)
class Column:
    """What is told of each system: its name for machines and for people, how it is read, and how it is written."""

    key: str
    title: str
    read: Callable[[Line], float]
    style: str


STEPS, P50 = "steps_per_second", "p50_ms"
COLUMNS = [
    Column(STEPS, "steps/s", lambda one: one["steps_per_second"], ",.0f"),
    Column(P50, "p50 ms", lambda one: one["p50_ms"], ",.2f"),
    Column("p95_ms", "p95 ms", lambda one: one["p95_ms"], ",.2f"),
    Column("p99_ms", "p99 ms", lambda one: one["p99_ms"], ",.2f"),
    # The first process is the system itself.
    Column("idle_mib", "MiB idle", lambda one: next(iter(one["idle_bytes"].values())) / MIB, ",.0f"),
    Column("resident_mib", "MiB", lambda one: one["processes"][0]["resident_bytes"] / MIB, ",.0f"),
    Column("cpu_seconds_per_1000_steps", "CPU s/1,000", lambda one: sum(map(_cpu, _without_driver(one))), ".3f"),
]
NAME_WIDTH, WIDTH, SPREAD_WIDTH = 24, 12, 20


def _without_driver(one: Line) -> list[Line]:
    return [process for process in one["processes"] if process["name"] != "driver"]


def _cpu(process: Line) -> float:
    return float(process["cpu_seconds_per_1000_steps"])


def summaries(lines: list[Line]) -> list[Line]:
    """Sum up each system at each level, over the rounds."""
    good = [line for line in lines if line["kind"] == "measured" and "failed" not in line]
    keys = sorted({line["in_flight"] for line in good})
    return [
        summary
        for in_flight in keys
        for system in NAMES
        if (summary := _summary(system, in_flight, [line for line in good if line["in_flight"] == in_flight]))
    ]


def _summary(system: str, in_flight: int, level: list[Line]) -> Line | None:
    own = [line for line in level if line["system"] == system]
    if not own:
        return None
    # Round for round, as what disturbs one round may not disturb the next.
    discovery = {line["round"]: line for line in level if line["system"] == DISCOVERY}
    pairs = [(discovery[line["round"]], line) for line in own if line["round"] in discovery]
    summary: Line = {"kind": "summary", "system": system, "in_flight": in_flight, "rounds": len(own)}
    for column in COLUMNS:
        read = column.read
        values = [read(line) for line in own]
        ratios = [read(first) / read(line) for first, line in pairs if read(line) > 0]
        summary[column.key] = {
            "median": median(values),
            "min": min(values),
            "max": max(values),
            "discovery_ratio": median(ratios) if ratios else None,
        }
    names = [process["name"] for process in _without_driver(own[0])]
    summary["cpu_of"] = {
        name: median(_cpu(process) for line in own for process in line["processes"] if process["name"] == name)
        for name in names
    }
    summary["errors"] = sum(line["errors"] for line in own)
    summary["broken_off"] = sum(line["broken_off"] for line in own)
    summary["disturbed_rounds"] = sum(not line["quiet"] for line in own)
    return summary


def text(lines: list[Line]) -> str:
    """Write the tables."""
    return "\n".join(_text(lines))


def _text(lines: list[Line]) -> Iterator[str]:
    summed = summaries(lines)
    journal = [line for line in lines if line["kind"] == "journal" and "failed" not in line]
    for in_flight in dict.fromkeys(summary["in_flight"] for summary in summed):
        level = [summary for summary in summed if summary["in_flight"] == in_flight]
        yield f"\n{in_flight} in flight"
        yield _row("", [column.title for column in COLUMNS], "(least … most)")
        for summary in level:
            spread = f"({summary[STEPS]['min']:,.0f} … {summary[STEPS]['max']:,.0f})"
            values = [format(summary[column.key]["median"], column.style) for column in COLUMNS]
            yield _row(_marked(summary), values, spread)
        if kept := _journal(journal, in_flight):
            yield _row(JOURNAL_ALONE, [f"{median(kept):,.0f}"], f"({min(kept):,.0f} … {max(kept):,.0f})")
        yield "Discovery's ÷ that one's"
        for summary in level:
            ratios = [summary[column.key]["discovery_ratio"] for column in COLUMNS]
            values = ["–" if ratio is None else f"{ratio:,.2f}" for ratio in ratios]
            if summary["system"] != DISCOVERY:
                yield _row(summary["system"], values, "")
            elif kept:
                yield _row(JOURNAL_ALONE, [f"{summary[STEPS]['median'] / median(kept):,.2f}"], "")
        yield from _best_restate(level)
    yield "\nCPU seconds per 1,000 steps, process by process"
    for summary in summed:
        of = ", ".join(f"{name} {seconds:.3f}" for name, seconds in summary["cpu_of"].items())
        yield f"{summary['system']:{NAME_WIDTH}}{summary['in_flight']:>4} in flight: {of}"
    yield from _remarks(lines, summed)


def _row(name: str, values: list[str], spread: str) -> str:
    first, *others = values
    row = f"{name:{NAME_WIDTH}}{first:>{WIDTH}} {spread:{SPREAD_WIDTH}}" + "".join(f"{one:>{WIDTH}}" for one in others)
    return row.rstrip()


def _marked(summary: Line) -> str:
    remarkable = summary["disturbed_rounds"] or summary["errors"] or summary["broken_off"]
    return f"{summary['system']}{' !' if remarkable else ''}"


def _journal(lines: list[Line], in_flight: int) -> list[float]:
    """Tell how many steps the journal keeps each second, with nothing around it."""
    return [float(line["steps_per_second"]) for line in lines if line["in_flight"] == in_flight]


def _best_restate(level: list[Line]) -> Iterator[str]:
    restates = [summary for summary in level if summary["system"].startswith("restate")]
    if not restates or not any(summary["system"] == DISCOVERY for summary in level):
        return
    most = max(restates, key=lambda summary: float(summary[STEPS]["median"]))
    soonest = min(restates, key=lambda summary: float(summary[P50]["median"]))
    yield (
        f"To the best Restate: {most[STEPS]['discovery_ratio']:.2f} × the steps/s ({most['system']}), "
        f"{soonest[P50]['discovery_ratio']:.2f} × the p50 ({soonest['system']})"
    )


def _remarks(lines: list[Line], summed: list[Line]) -> Iterator[str]:
    yield ""
    for summary in summed:
        what = f"! {summary['system']}, {summary['in_flight']} in flight:"
        if summary["disturbed_rounds"]:
            rounds = f"{summary['disturbed_rounds']} of {summary['rounds']} rounds"
            yield f"{what} others took much of the machine in {rounds}"
        if summary["errors"]:
            yield f"{what} {summary['errors']} answers were errors"
        if summary["broken_off"]:
            yield f"{what} {summary['broken_off']} attempts were broken off and made again"
    for line in lines:
        if "failed" in line:
            yield f"! {line['system']} failed in round {line['round']}: {line['failed']}"
