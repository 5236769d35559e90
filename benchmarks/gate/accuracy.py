"""The gate's measured error rates as a page. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from scipy import stats

LEVEL = 0.95
SEQUENTIAL = "one after another"
UNCHANGED = "none"


class Case(msgspec.Struct, frozen=True):
    """What was tried: a stack, the change planted into its head, and what else the machine was doing."""

    stack: str
    change: str
    neighbour: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One gate and what it said."""

    case: Case
    verdict: str
    seconds: float
    blocks: int
    changes: dict[str, float]
    """Relative change found, by metric, over all endpoints."""
    regressed: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def bounds(found: int, of: int) -> tuple[float, float]:
    """The interval of a proportion (Clopper and Pearson 1934)."""
    exact = stats.binomtest(found, of).proportion_ci(LEVEL, method="exact")
    return float(exact.low), float(exact.high)


def page(runs: Sequence[Run]) -> str:
    """The whole page."""
    gates = [run for run in runs if run.case.change != SEQUENTIAL]
    parts = [_INTRODUCTION, _verdicts(gates), _POWER, _unchanged(gates), _spreads(runs)]
    return "\n\n".join(part for part in parts if part) + "\n"


_INTRODUCTION = """# How often the gate is wrong

Measured by `make validate-gate`: whole gates with their default settings, on two copies of the bakery of which one
carries a burden of known size. Each line of [gate-accuracy.jsonl](gate-accuracy.jsonl) is one run. Intervals are
Clopper and Pearson's, 95 %. *quiet*: nothing else runs on the machine; *busy*: another process keeps a core busy for
half of the time, in bursts of 20 to 300 ms. What is planted is a share of what a request cost when the session began,
known to about a twentieth; *found on average* says what it was then."""


_POWER = """## How small a change is found

![Share of gates that say regression, by the planted change of CPU time](images/gate-power.png)

What limits it is how far the effect of one block scatters on this machine: with half as much again, the dashed line."""


def _verdicts(runs: Sequence[Run]) -> str:
    lines = [
        "## Verdicts",
        "",
        "| planted | stack | neighbour | runs | pass | regression | inconclusive | invalid | regression found | "
        "median time | found on average |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | --- |",
    ]
    for case in sorted({run.case for run in runs}, key=lambda case: (_rank(case.change), case.stack, case.neighbour)):
        lines.append(_row(case, [run for run in runs if run.case == case]))
    return "\n".join(lines)


def _rank(change: str) -> tuple[str, float]:
    kind, _, amount = change.partition(" ")
    return ("" if change == UNCHANGED else kind), float(amount or 0)


def _row(case: Case, runs: Sequence[Run]) -> str:
    counts = [sum(run.verdict == verdict for run in runs) for verdict in _VERDICTS]
    low, high = bounds(counts[1], len(runs))
    cells = [
        PLANTED.get(case.change, case.change),
        case.stack,
        case.neighbour,
        str(len(runs)),
        *map(str, counts),
        f"{counts[1] / len(runs):.0%} [{low:.0%}, {high:.0%}]",
        f"{np.median([run.seconds for run in runs]):.0f} s",
        _found(case, runs),
    ]
    return f"| {' | '.join(cells)} |"


def _found(case: Case, runs: Sequence[Run]) -> str:
    """The mean estimate of the metric that was changed."""
    metric = _CHANGED[case.change.partition(" ")[0]]
    found = [run.changes[metric] for run in runs if metric in run.changes]
    return f"{metric} {np.mean(found):+.1%}" if found else ""


_CHANGED = {
    "none": "cpu_per_request",
    "cpu": "cpu_per_request",
    "wait_ms": "latency_p50",
    "wait": "latency_p50",
    "rare_ms": "latency_p99",
    "keep_mib": "memory",
}
"""What a burden of each kind shows in."""


_VERDICTS = ("pass", "regression", "inconclusive", "invalid")
PLANTED = {
    "none": "nothing (A/A)",
    "cpu 1": "+1 % CPU a request",
    "cpu 2": "+2 % CPU a request",
    "cpu 3": "+3 % CPU a request",
    "cpu 5": "+5 % CPU a request",
    "cpu 10": "+10 % CPU a request",
    "wait_ms 0.3": "+0.3 ms waiting",
    "wait 3": "+3 % of the median latency",
    "rare_ms 50": "+50 ms for 1 % of requests",
    "keep_mib 10": "10 MiB more kept by each process",
}


def _unchanged(runs: Sequence[Run]) -> str:
    """What A/A runs say of bias and false alarms, all of them together."""
    same = [run for run in runs if run.case.change == UNCHANGED]
    if not same:
        return ""
    alarms = sum(run.verdict == "regression" for run in same)
    undecided = sum(run.verdict in ("inconclusive", "invalid") for run in same)
    found = [run.changes["cpu_per_request"] for run in same if "cpu_per_request" in run.changes]
    error = f"{100 * float(np.std(found, ddof=1) / np.sqrt(len(found))):.2f} %" if len(found) > 1 else "unknown"
    seconds = [run.seconds for run in same]
    return "\n".join(
        [
            "## Unchanged code",
            "",
            f"- False regressions: {alarms} in {len(same)} runs (at most {bounds(alarms, len(same))[1]:.1%}).",
            f"- Not decided: {undecided} in {len(same)} (at most {bounds(undecided, len(same))[1]:.1%}).",
            f"- Bias of CPU per request: {100 * float(np.mean(found)):+.2f} % (standard error {error}).",
            f"- Time: median {np.median(seconds):.0f} s, 95 % within {np.quantile(seconds, 0.95):.0f} s.",
        ]
    )


def _spreads(runs: Sequence[Run]) -> str:
    """How far A/A estimates scatter, by the duet and by runs one after another."""
    lines = [
        "## Spread of the estimate",
        "",
        "Standard deviation of the change found where there is none: by the duet, and by measuring one revision after "
        "the other for as long.",
        "",
        "| stack | neighbour | metric | duet (runs) | one after another (runs) | ratio |",
        "| --- | --- | --- | ---: | ---: | ---: |",
    ]
    for stack, neighbour in sorted({(run.case.stack, run.case.neighbour) for run in runs}):
        for metric in ("cpu_per_request", "latency_p50"):
            duet, sequential = (
                [
                    run.changes[metric]
                    for run in runs
                    if run.case == Case(stack=stack, change=change, neighbour=neighbour) and metric in run.changes
                ]
                for change in (UNCHANGED, SEQUENTIAL)
            )
            if min(len(duet), len(sequential)) >= _FEWEST:
                lines.append(_spread_row(stack, neighbour, metric, duet, sequential))
    return "\n".join(lines) if len(lines) > 6 else ""


_FEWEST = 5


def _spread_row(stack: str, neighbour: str, metric: str, duet: Sequence[float], sequential: Sequence[float]) -> str:
    one, other = (float(np.std(values, ddof=1)) for values in (duet, sequential))
    cells = [f"{one:.2%} ({len(duet)})", f"{other:.2%} ({len(sequential)})", f"1 / {other / one:.1f}"]
    return f"| {stack} | {neighbour} | {metric} | {' | '.join(cells)} |"
