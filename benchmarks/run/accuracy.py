"""What many whole runs say of a run's verdicts and intervals, as a page. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np

from bakeoff.model import Verdict
from benchmarks.lines import LEVEL, proportion_interval

COPY = "-again"
"""Ends the name of a stack's identical copy."""
ALLOWED_FALSE = 0.05
ASKED_COVERAGE = 0.93
"""What is asked of runs: the share with any false verdict, and how often intervals of 95 % cover."""

Key = TypeVar("Key", bound=Hashable)


class Compared(msgspec.Struct, frozen=True, array_like=True):
    """One comparison of an analysis."""

    load: str
    endpoint: str
    metric: str
    candidate: str
    baseline: str
    ratio: float
    low: float | None
    high: float | None
    p_value: float
    verdict: Verdict
    headline: bool

    @property
    def is_of_copies(self) -> bool:
        """Whether both are the same stack, so that the true ratio is 1."""
        return self.candidate.removesuffix(COPY) == self.baseline.removesuffix(COPY)


class Estimated(msgspec.Struct, frozen=True, array_like=True):
    """One stack's own number with its interval."""

    load: str
    endpoint: str
    metric: str
    stack: str
    point: float
    low: float | None
    high: float | None


class Withheld(msgspec.Struct, frozen=True, array_like=True):
    """What a row does not publish: everything, or single numbers of it."""

    load: str
    endpoint: str
    stack: str
    whole_row: bool
    reasons: tuple[str, ...]


class Analysis(msgspec.Struct, frozen=True):
    """The comparisons of one set of stacks, corrected together."""

    stacks: tuple[str, ...]
    """The baseline first."""
    compared: tuple[Compared, ...]

    @property
    def is_of_copies(self) -> bool:
        """Whether all its stacks are the same."""
        return len({stack.removesuffix(COPY) for stack in self.stacks}) == 1


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of four stacks: one line of the JSONL file."""

    seed: int
    started_utc: str
    machine: str
    seconds: float
    load_before: float
    stolen_share: float | None
    certified: bool
    certificate_reasons: tuple[str, ...]
    analyses: tuple[Analysis, ...]
    estimated: tuple[Estimated, ...]
    withheld: tuple[Withheld, ...]
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Interval:
    """One run's ratio or number, and its interval, which is ``None`` where it gave none."""

    point: float
    bounds: tuple[float, float] | None


@dataclass(frozen=True)
class Coverage:
    """How often the intervals of several runs cover the truth."""

    covered: int
    of: int
    pooled: float
    """The geometric mean over all runs."""
    pooled_error: float
    """Its relative standard error."""
    half_width: float
    """The median half of an interval, relative."""


def coverage(intervals: Sequence[Interval], truth: float | None = None) -> Coverage:
    """How often intervals cover a known truth, or, without one, the pooled estimate of all other runs.

    That pooled estimate stands for a run as long as all others together.
    """
    logs = np.log([interval.point for interval in intervals])
    n = len(logs)
    covered = [
        interval.bounds[0] <= (truth or np.exp((logs.sum() - log) / (n - 1))) <= interval.bounds[1]
        for interval, log in zip(intervals, logs, strict=True)
        if interval.bounds and (truth or n > 1)
    ]
    halves = [np.log(interval.bounds[1] / interval.bounds[0]) / 2 for interval in intervals if interval.bounds]
    return Coverage(
        covered=int(sum(covered)),
        of=len(covered),
        pooled=float(np.exp(logs.mean())),
        pooled_error=float(logs.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"),
        half_width=float(np.median(halves)) if halves else float("nan"),
    )


def is_false(compared: Compared) -> bool:
    """Whether identical stacks were told apart."""
    return compared.is_of_copies and compared.verdict in ("faster", "slower")


# --- the page --------------------------------------------------------------------------------------------------------


def page(runs: Sequence[Run]) -> str:
    """The whole page."""
    parts = [_INTRODUCTION, _machine(runs)]
    if runs:
        parts += [_answer(runs), _false_verdicts(runs), _copies(runs), _differences(runs), _levels(runs)]
        parts += [_withheld(runs)]
    return "\n\n".join(filter(None, parts)) + "\n"


_INTRODUCTION = f"""# How often a run is wrong

Measured by `make validate-run`: whole runs of `bakeoff run --profile quick` on four stacks. They are the bakery on
Flask with gunicorn (2 workers of 16 threads), on FastAPI with uvicorn (1 worker), and an identical copy of each, whose
name ends in `{COPY}`. Loads and settings are in `benchmarks/run/accuracy.toml`. Each line of
[run-accuracy.jsonl](run-accuracy.jsonl) is one run.

Each run is analysed three times from the same slices, by the functions that `bakeoff run` uses: twice as a run of two
identical stacks, where every `faster` or `slower` is false, and once as the run of all four stacks that it was. A run
of two stacks alone would have six blocks in the quick profile; these have the seven of a run of four stacks, with which
more p-values can be reached.

Intervals of proportions are Clopper and Pearson's, 95 %. They are right for proportions of runs. The comparisons of one
run depend on each other, so for proportions of comparisons they are too narrow."""


def _machine(runs: Sequence[Run]) -> str:
    if not runs:
        return "No run is stored yet."
    stolen = [run.stolen_share for run in runs if run.stolen_share is not None]
    lines = [
        f"- Runs: {len(runs)}, from {min(run.started_utc for run in runs)} to {max(run.started_utc for run in runs)}.",
        *(f"- Machine: {machine} ({count} runs)." for machine, count in Counter(run.machine for run in runs).items()),
        f"- Time of a run: median {np.median([run.seconds for run in runs]):.0f} s.",
        f"- Load average before a run: median {np.median([run.load_before for run in runs]):.1f}, "
        f"at most {max(run.load_before for run in runs):.1f}.",
    ]
    if stolen:
        lines.append(
            f"- CPU time that the host took away: median {np.median(stolen):.2%}, at most {max(stolen):.2%} of a run."
        )
    certified = sum(run.certified for run in runs)
    lines.append(f"- Runs whose load generator was certified: {certified} of {len(runs)}.")
    return "\n".join(lines)


def _answer(runs: Sequence[Run]) -> str:
    of_copies = [analysis for run in runs for analysis in run.analyses if analysis.is_of_copies and analysis.compared]
    if not of_copies:
        return ""
    false = sum(any(map(is_false, analysis.compared)) for analysis in of_copies)
    point, high = false / len(of_copies), proportion_interval(false, len(of_copies))[1]
    copies = _summed(list(_by(_copies_compared(runs), _condition).values()), truth=1.0)
    others = _summed(list(_by(_differences_compared(runs), _condition_and_candidate).values()))
    both = copies[0] + others[0], copies[1] + others[1]
    lines = [
        "## In short",
        "",
        f"- Any false verdict in a run of identical stacks: {_share(false, len(of_copies))} "
        f"(asked: at most {ALLOWED_FALSE:.0%}; {_held(point <= ALLOWED_FALSE)}, upper bound {high:.1%}).",
    ]
    lines += [
        f"- {what}: {_share(covered, of)} "
        f"(asked: at least {ASKED_COVERAGE:.0%}; {_held(covered / of >= ASKED_COVERAGE)})."
        for what, (covered, of) in (
            ("Intervals of identical stacks that cover 1", copies),
            ("Intervals of different stacks that cover what all other runs together found", others),
            ("Intervals of ratios that cover, all together", both),
        )
        if of
    ]
    return "\n".join(lines)


def _held(condition: bool) -> str:
    return "held" if condition else "**not held**"


def _share(count: int, of: int) -> str:
    """``3 of 60, 5.0 % [1.0 %, 13.9 %]``."""
    low, high = proportion_interval(count, of)
    return f"{count} of {of}, {count / of:.1%} [{low:.1%}, {high:.1%}]"


def _false_verdicts(runs: Sequence[Run]) -> str:
    lines = [
        "## False verdicts",
        "",
        f"Identical stacks said to be `faster` or `slower`. At most {ALLOWED_FALSE:.0%} of runs may have any. Runs "
        "that compared nothing, because their rows were withheld, do not count.",
        "",
        "| analysed | runs | any false verdict | false headlines | comparisons | false | `same` | `inconclusive` |",
        "| --- | ---: | --- | ---: | ---: | --- | ---: | ---: |",
    ]
    concluded = (analysis for run in runs for analysis in run.analyses if analysis.compared)
    by_stacks = _by(concluded, lambda analysis: analysis.stacks)
    for stacks, analyses in by_stacks.items():
        of_copies = [[compared for compared in analysis.compared if compared.is_of_copies] for analysis in analyses]
        everything = [compared for compareds in of_copies for compared in compareds]
        if not everything:
            continue
        verdicts = Counter(compared.verdict for compared in everything)
        cells = [
            ", ".join(stacks),
            str(len(analyses)),
            _share(sum(any(map(is_false, compareds)) for compareds in of_copies), len(analyses)),
            str(
                sum(any(is_false(compared) and compared.headline for compared in compareds) for compareds in of_copies)
            ),
            str(len(everything)),
            _share(sum(map(is_false, everything)), len(everything)),
            str(verdicts["same"]),
            str(verdicts["inconclusive"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _copies(runs: Sequence[Run]) -> str:
    lines = [
        "## Identical stacks, by metric",
        "",
        "The true ratio is 1. *all runs* is the geometric mean of the ratios of all runs, with its standard error; "
        "*half an interval* is the median of the runs.",
        "",
        "| load | endpoint | metric | stack | ratios | cover 1 | all runs | half an interval | false | `same` |",
        "| --- | --- | --- | --- | ---: | --- | --- | ---: | ---: | ---: |",
    ]
    for (load, endpoint, metric, stack), compareds in _sorted_by(_copies_compared(runs), _condition_and_candidate):
        measured = coverage(_intervals(compareds), truth=1.0)
        cells = [
            load,
            _endpoint(endpoint),
            metric,
            stack.removesuffix(COPY),
            str(len(compareds)),
            _share(measured.covered, measured.of) if measured.of else "",
            f"{measured.pooled:.4f} ± {measured.pooled_error:.4f}",
            f"{measured.half_width:.1%}",
            str(sum(map(is_false, compareds))),
            str(sum(compared.verdict == "same" for compared in compareds)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _differences(runs: Sequence[Run]) -> str:
    lines = [
        "## Different stacks, by metric",
        "",
        "What a much longer run finds is not known; the pooled ratio of all other runs stands for it. Its own standard "
        "error is given as a share of half an interval of a run: where that is small, it lowers the coverage by little "
        f"(a tenth, from {LEVEL:.0%} to 94.5 %). *wrong side*: verdicts that contradict the pooled ratio.",
        "",
        "| load | endpoint | metric | ratio | ratios | cover | all runs | its error, of half an interval "
        "| half an interval | `faster` or `slower` | wrong side |",
        "| --- | --- | --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    of_differences = _sorted_by(_differences_compared(runs), _condition_and_candidate)
    for (load, endpoint, metric, candidate), compareds in of_differences:
        measured = coverage(_intervals(compareds))
        decided = [compared for compared in compareds if compared.verdict in ("faster", "slower")]
        wrong = sum((compared.ratio > 1) != (measured.pooled > 1) for compared in decided)
        cells = [
            load,
            _endpoint(endpoint),
            metric,
            f"{candidate} / {compareds[0].baseline}",
            str(len(compareds)),
            _share(measured.covered, measured.of) if measured.of else "",
            f"{measured.pooled:.3f}",
            f"{measured.pooled_error / measured.half_width:.2f}",
            f"{measured.half_width:.1%}",
            str(len(decided)),
            str(wrong),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _levels(runs: Sequence[Run]) -> str:
    lines = [
        "## A stack's own numbers",
        "",
        "How often the interval of a throughput, a latency or a CPU time covers what all other runs together found. "
        "The blocks of a run share some minutes of the machine. What changes from one hour to the next is not in their "
        "intervals and shows here; in ratios it cancels.",
        "",
        "| load | endpoint | metric | numbers | cover | spread of the runs | half an interval |",
        "| --- | --- | --- | ---: | --- | ---: | ---: |",
    ]
    everything = [estimated for run in runs for estimated in run.estimated]
    for (load, endpoint, metric), _ in _sorted_by(everything, _condition):
        here = [estimated for estimated in everything if _condition(estimated) == (load, endpoint, metric)]
        by_stack = [
            coverage(_intervals(estimateds)) for estimateds in _by(here, lambda estimated: estimated.stack).values()
        ]
        covered, of = sum(stack.covered for stack in by_stack), sum(stack.of for stack in by_stack)
        spreads = [stack.pooled_error * np.sqrt(len(here) / len(by_stack)) for stack in by_stack]
        cells = [
            load,
            _endpoint(endpoint),
            metric,
            str(len(here)),
            _share(covered, of) if of else "",
            f"{np.median(spreads):.1%}",
            f"{np.median([stack.half_width for stack in by_stack]):.1%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _withheld(runs: Sequence[Run]) -> str:
    rows = [withheld for run in runs for withheld in run.withheld if withheld.whole_row]
    numbers = [withheld for run in runs for withheld in run.withheld if not withheld.whole_row]
    in_runs = sum(any(withheld.whole_row for withheld in run.withheld) for run in runs)
    reasons = Counter((_without_numbers(reason), True) for withheld in rows for reason in withheld.reasons)
    reasons += Counter((_without_numbers(reason), False) for withheld in numbers for reason in withheld.reasons)
    lines = [
        "## Withheld",
        "",
        f"Rows that the audit withheld: {len(rows)}, in {in_runs} of {len(runs)} runs. A row that is withheld has no "
        "comparisons. A row may also leave out single numbers.",
    ]
    if reasons:
        lines += ["", "| reason | withholds | times |", "| --- | --- | ---: |"]
        lines += [
            f"| {reason.replace('|', chr(92) + '|')} | {'the row' if whole else 'a number'} | {count} |"
            for (reason, whole), count in reasons.most_common()
        ]
    not_certified = Counter(_without_numbers(reason) for run in runs for reason in run.certificate_reasons)
    failures = Counter(failure for run in runs for failure in run.failures)
    for title, counts in (("Not certified", not_certified), ("Failures", failures)):
        if counts:
            lines += ["", f"{title}:", "", *(f"- {reason} ({count})" for reason, count in counts.most_common())]
    return "\n".join(lines)


def _without_numbers(reason: str) -> str:
    """A reason with every number as N, so that equal reasons are counted together."""
    return re.sub(r"(?<![A-Za-z\d.])\d(?:[\d,.]*\d)?", "N", reason)


# --- grouping --------------------------------------------------------------------------------------------------------


def _copies_compared(runs: Iterable[Run]) -> list[Compared]:
    """The comparisons of runs of identical stacks."""
    return [
        compared for run in runs for analysis in run.analyses if analysis.is_of_copies for compared in analysis.compared
    ]


def _differences_compared(runs: Iterable[Run]) -> list[Compared]:
    """The comparisons of stacks that differ."""
    return [
        compared
        for run in runs
        for analysis in run.analyses
        for compared in analysis.compared
        if not compared.is_of_copies
    ]


def _condition(row: Compared | Estimated) -> tuple[str, str, str]:
    return row.load, row.endpoint, row.metric


def _condition_and_candidate(compared: Compared) -> tuple[str, str, str, str]:
    return *_condition(compared), compared.candidate


def _intervals(rows: Sequence[Compared] | Sequence[Estimated]) -> list[Interval]:
    return [
        Interval(
            row.ratio if isinstance(row, Compared) else row.point,
            (row.low, row.high) if row.low is not None and row.high is not None else None,
        )
        for row in rows
    ]


def _summed(groups: Sequence[Sequence[Compared]], truth: float | None = None) -> tuple[int, int]:
    """How many intervals cover, and of how many."""
    parts = [coverage(_intervals(group), truth) for group in groups]
    return sum(part.covered for part in parts), sum(part.of for part in parts)


Row = TypeVar("Row")


def _by(rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _sorted_by(rows: Iterable[Row], key: Callable[[Row], tuple[str, ...]]) -> list[tuple[tuple[str, ...], list[Row]]]:
    """Groups by closed and open load, then by metric and endpoint."""
    return sorted(_by(rows, key).items(), key=lambda group: (group[0][0], group[0][2], group[0][1], group[0][3:]))


def _endpoint(endpoint: str) -> str:
    return "all" if endpoint == "*" else f"`{endpoint}`"
