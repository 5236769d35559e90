"""The gate's measured error rates as a page. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from benchmarks.lines import proportion_interval

SEQUENTIAL = "one after another"
UNCHANGED = "none"
EARLIER_REGIME = "shared users"
"""Users of one closed loop sent each request to either side."""
REGIME = "equal arrivals"


class Case(msgspec.Struct, frozen=True):
    """What a run measured: a stack, the change injected into its head, and what else the machine was doing."""

    stack: str
    change: str
    neighbour: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One gate and its result: one line of the JSONL file."""

    case: Case
    verdict: str
    seconds: float
    blocks: int
    changes: dict[str, float]
    """Estimated relative change by metric, over all endpoints."""
    regressed: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    regime: str = EARLIER_REGIME
    """The load that both sides were under."""


class Effect(msgspec.Struct, frozen=True):
    """Head / base, with its interval."""

    point: float
    low: float
    high: float


class CrossCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A planted effect, as a gate measured it and as exclusive slices did: one line of the JSONL file."""

    stack: str
    change_percent: int
    rate_rps: float
    """Of the open loop."""
    gate: dict[str, Effect]
    """By metric."""
    exclusive: dict[str, Effect]
    seconds: float


def page(runs: Sequence[Run], checks: Sequence[CrossCheck]) -> str:
    """The whole page."""
    current = [run for run in runs if run.regime == REGIME]
    gates = [run for run in current if run.case.change != SEQUENTIAL]
    earlier = [run for run in runs if run.regime == EARLIER_REGIME and run.case.change != SEQUENTIAL]
    parts = [
        _INTRODUCTION,
        _verdicts(gates),
        _POWER,
        _unchanged(gates),
        _spreads(current),
        _cross_checks(checks),
        _earlier(earlier),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


_INTRODUCTION = """# How often the gate is wrong

Measured by `make validate-gate`: whole gates with their default settings compare two copies of the bakery, one of
which has an injected overhead of known size. Each line of [gate-accuracy.jsonl](gate-accuracy.jsonl) is one run.
Intervals are Clopper and Pearson's, 95 %. *quiet*: nothing else runs on the machine; *busy*: another process uses a
core for half of the time, in bursts of 20 to 300 ms. The overhead is a share of the cost of a request, which was
measured at the start of a session with an error of about 5 %; *measured on average* is the gates' estimate of it."""


_POWER = """## How small a change is detected

![Share of gates that say regression, by injected change of CPU time](images/gate-power.png)

The limit is how much the effect of one block varies on this machine; the dashed line is for half as much again."""


def _verdicts(runs: Sequence[Run]) -> str:
    lines = [
        "## Verdicts",
        "",
        "| injected | stack | neighbour | runs | pass | regression | inconclusive | invalid | share of regressions | "
        "median time | measured on average |",
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
    low, high = proportion_interval(counts[1], len(runs))
    cells = [
        INJECTED.get(case.change, case.change),
        case.stack,
        case.neighbour,
        str(len(runs)),
        *map(str, counts),
        f"{counts[1] / len(runs):.0%} [{low:.0%}, {high:.0%}]",
        f"{np.median([run.seconds for run in runs]):.0f} s",
        _mean_change(case, runs),
    ]
    return f"| {' | '.join(cells)} |"


def _mean_change(case: Case, runs: Sequence[Run]) -> str:
    """The mean estimate for the metric that was changed."""
    metric = _CHANGED[case.change.partition(" ")[0]]
    estimates = [run.changes[metric] for run in runs if metric in run.changes]
    return f"{metric} {np.mean(estimates):+.1%}" if estimates else ""


_CHANGED = {
    "none": "cpu_per_request",
    "cpu": "cpu_per_request",
    "wait_ms": "latency_p50",
    "wait": "latency_p50",
    "rare_ms": "latency_p99",
    "keep_mib": "memory",
}
"""The metric that shows an overhead of each kind."""


_VERDICTS = ("pass", "regression", "inconclusive", "invalid")
INJECTED = {
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
    """Bias and false alarms over all A/A runs."""
    same = [run for run in runs if run.case.change == UNCHANGED]
    if not same:
        return ""
    alarms = sum(run.verdict == "regression" for run in same)
    undecided = sum(run.verdict in ("inconclusive", "invalid") for run in same)
    changes = [run.changes["cpu_per_request"] for run in same if "cpu_per_request" in run.changes]
    error = f"{100 * float(np.std(changes, ddof=1) / np.sqrt(len(changes))):.2f} %" if len(changes) > 1 else "unknown"
    seconds = [run.seconds for run in same]
    alarms_high, undecided_high = (proportion_interval(count, len(same))[1] for count in (alarms, undecided))
    return "\n".join(
        [
            "## Unchanged code",
            "",
            f"- False regressions: {alarms} in {len(same)} runs (at most {alarms_high:.1%}).",
            f"- Inconclusive or invalid: {undecided} in {len(same)} (at most {undecided_high:.1%}).",
            f"- Bias of CPU per request: {100 * float(np.mean(changes)):+.2f} % (standard error {error}).",
            f"- Time: median {np.median(seconds):.0f} s, 95 % within {np.quantile(seconds, 0.95):.0f} s.",
        ]
    )


def _spreads(runs: Sequence[Run]) -> str:
    """How much A/A estimates vary, from paired measurement and from one revision after the other."""
    lines = [
        "## Spread of the estimate",
        "",
        "Standard deviation of the estimated change of unchanged code: measured in pairs, and measured one revision "
        "after the other for as long.",
        "",
        "| stack | neighbour | metric | paired (runs) | one after another (runs) | ratio |",
        "| --- | --- | --- | ---: | ---: | ---: |",
    ]
    for stack, neighbour in sorted({(run.case.stack, run.case.neighbour) for run in runs}):
        for metric in ("cpu_per_request", "latency_p50"):
            paired, sequential = (
                [
                    run.changes[metric]
                    for run in runs
                    if run.case == Case(stack=stack, change=change, neighbour=neighbour) and metric in run.changes
                ]
                for change in (UNCHANGED, SEQUENTIAL)
            )
            if min(len(paired), len(sequential)) >= _MIN_RUNS:
                lines.append(_spread_row(stack, neighbour, metric, paired, sequential))
    return "\n".join(lines) if len(lines) > 6 else ""


_MIN_RUNS = 5


def _spread_row(stack: str, neighbour: str, metric: str, paired: Sequence[float], sequential: Sequence[float]) -> str:
    of_paired, of_sequential = (float(np.std(values, ddof=1)) for values in (paired, sequential))
    ratio = f"1 / {of_sequential / of_paired:.1f}"
    cells = [f"{of_paired:.2%} ({len(paired)})", f"{of_sequential:.2%} ({len(sequential)})", ratio]
    return f"| {stack} | {neighbour} | {metric} | {' | '.join(cells)} |"


_CROSS_CHECK = """## The same effect, measured alone

Planted CPU time from +2 to +100 %, measured by a gate and by a run of the same two apps, whose slices each have the
machine to themselves (`make crosscheck-gate`; each line of [gate-crosscheck.jsonl](gate-crosscheck.jsonl) is a gate and
a run). Both have intervals: they agree when the interval of their ratio, made from both, contains 1."""


def _cross_checks(checks: Sequence[CrossCheck]) -> str:
    """How often a gate and exclusive slices agree, by stack, metric and planted effect."""
    if not checks:
        return ""
    lines = [
        _CROSS_CHECK,
        "",
        "| stack | metric | planted CPU | pairs | gate, mean | exclusive, mean | agree |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    agreed: list[bool] = []
    for stack in sorted({check.stack for check in checks}):
        for metric in ("cpu_per_request", "throughput"):
            for change_percent in sorted({check.change_percent for check in checks}):
                pairs = [
                    (check.gate[metric], check.exclusive[metric])
                    for check in checks
                    if (check.stack, check.change_percent) == (stack, change_percent)
                    and metric in check.gate
                    and metric in check.exclusive
                ]
                if not pairs:
                    continue
                outcomes = [agree(*pair) for pair in pairs]
                agreed += outcomes
                means = [np.exp(np.mean([np.log(pair[side].point) for pair in pairs])) - 1 for side in (0, 1)]
                cells = [f"+{change_percent} %", str(len(pairs)), *(f"{mean:+.1%}" for mean in means)]
                lines.append(f"| {stack} | {metric} | {' | '.join(cells)} | {sum(outcomes)} |")
    low, high = proportion_interval(sum(agreed), len(agreed))
    return "\n".join([*lines, "", f"Agreement: {sum(agreed)} of {len(agreed)} ({low:.0%} to {high:.0%})."])


def agree(first: Effect, other: Effect) -> bool:
    """Whether the 95 % interval of the ratio of two independent estimates contains 1.

    Widths of independent intervals add up in squares.
    """
    difference = np.log(first.point / other.point)
    of_first, of_other = (np.log(effect.high / effect.low) / 2 for effect in (first, other))
    return bool(abs(difference) <= np.hypot(of_first, of_other))


def _earlier(runs: Sequence[Run]) -> str:
    """What the runs of the earlier regime amount to."""
    if not runs:
        return ""
    same = [run for run in runs if run.case.change == UNCHANGED]
    alarms = sum(run.verdict == "regression" for run in same)
    return "\n".join(
        [
            "## Before",
            "",
            "Until November 2026 both sides shared the users of one closed loop, which made large effects look small. "
            f"{len(runs)} gates were measured so; of {len(same)} on unchanged code, {alarms} were regressions. Their "
            "lines are in the same file, and count nowhere else on this page.",
        ]
    )
