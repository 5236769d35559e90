"""The headline: the outcome of a run in one sentence, and the numbers in it."""

from __future__ import annotations

from bakeoff.analysis import bounds
from bakeoff.findings.failures import failure_clauses, failures
from bakeoff.findings.numerals import confidence, percent, plural, ratio
from bakeoff.findings.pairs import Rival, best_relative, standing
from bakeoff.model import (
    ClosedLoad,
    Comparison,
    Condition,
    Estimate,
    Headline,
    RelativeRatio,
    Run,
    Stack,
    load_words,
)

FRAMEWORKS = {"flask": "Flask", "fastapi": "FastAPI", "django": "Django", "starlette": "Starlette", "quart": "Quart"}
"""Frameworks that are recognised in the name of an app's module, and how they are written."""
ONE_BLOCK = "one block cannot tell a difference from chance, so nothing was compared; at least two are needed"
REASONS_SHOWN = 3


def headline(run: Run) -> Headline:
    """The best stack of the other interface against the baseline, and against the best other stack of its app.

    Where no stack has the other interface, the best of all candidates.
    """
    comparison = quoted_comparison(run)
    if comparison is None:
        reasons = why_nothing(run)
        return Headline(text=_nothing(reasons), reasons=reasons)
    relative = best_relative(run, comparison)
    return Headline(
        text=f"{_compared(run, comparison)}{_against_relative(run, comparison, relative)}.",
        metric=comparison.metric,
        scenario=comparison.scenario,
        load=comparison.load,
        baseline=comparison.baseline,
        candidate=comparison.candidate,
        ratio=comparison.ratio,
        verdict=comparison.verdict,
        relative=RelativeRatio(stack=relative.stack, ratio=relative.ratio) if relative else None,
    )


# --- which comparison ------------------------------------------------------------------------------------------------


def quoted_comparison(run: Run) -> Comparison | None:
    """The comparison that the headline quotes; ``None`` where no condition has a valid one.

    The heaviest closed load comes first, by throughput; where none has a valid comparison, the open loads, by median
    latency.
    """
    for condition in sorted(run.conditions, key=heaviest_first):
        candidates = _of_other_interface(run, run.comparisons(condition, condition.main_metric))
        if candidates:
            return min(candidates, key=_best_first)
    return None


def heaviest_first(condition: Condition) -> tuple[bool, float]:
    """Sorts conditions: closed loads before open ones, the heaviest of each first."""
    load = condition.load
    return (False, -load.users) if isinstance(load, ClosedLoad) else (True, -load.mean_rate_rps)


def _best_first(comparison: Comparison) -> float:
    return -comparison.ratio.point if comparison.metric == "throughput" else comparison.ratio.point


def _of_other_interface(run: Run, candidates: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
    """The candidates of the other interface than the baseline's; all of them where there is none."""
    interface = run.interface_of(run.summary.baseline)
    others = tuple(candidate for candidate in candidates if run.interface_of(candidate.candidate) != interface)
    return others or candidates


# --- the sentence ----------------------------------------------------------------------------------------------------


def _compared(run: Run, comparison: Comparison) -> str:
    candidate, baseline = described(run, comparison.candidate), described(run, comparison.baseline)
    place = at_load(run, comparison)
    if comparison.verdict == "same":
        return f"{candidate} and {baseline} {_tie(run, comparison)} {place}: {with_interval(comparison.ratio)}"
    sentence = f"{candidate} {achieved(comparison, baseline)} {place}"
    if comparison.verdict == "inconclusive":
        return f"Inconclusive: {sentence}, too uncertain to tell them apart"
    return sentence


def achieved(comparison: Comparison, baseline: str) -> str:
    """What the candidate achieved, against a baseline under some name."""
    if comparison.metric == "throughput":
        return f"served {with_interval(comparison.ratio)} the requests of {baseline}"
    return f"needed {with_interval(comparison.ratio)} the time of {baseline} for the median answer"


def _tie(run: Run, comparison: Comparison) -> str:
    what = "throughput" if comparison.metric == "throughput" else "median latency"
    return f"are equivalent within {percent(run.manifest.experiment.margin)} in {what}"


def at_load(run: Run, comparison: Comparison) -> str:
    """At which load, and in which scenario where there are several."""
    scenario = f" in {comparison.scenario}" if run.has_scenarios else ""
    return f"at {load_words(comparison.load)}{scenario}"


def with_interval(estimate: Estimate) -> str:
    """A ratio with its interval, or with the reason why it has none."""
    known = estimate.low is not None and estimate.high is not None
    return ratio(estimate) if known else f"{ratio(estimate)} ({confidence(estimate)})"


def described(run: Run, name: str) -> str:
    """A stack by framework and server: ``Flask on gunicorn-sync`` for ``flask-gunicorn-sync``.

    Where the name does not have that form, it is added in brackets.
    """
    stack = run.stack(name)
    framework = _framework(stack) if stack else None
    if stack is None or framework is None or stack.server is None:
        return name
    rest = name.removeprefix(f"{framework.lower()}-")
    names_both = rest != name and rest.split("-")[0] == stack.server
    return f"{framework} on {rest}" if names_both else f"{framework} on {stack.server} ({name})"


def _framework(stack: Stack) -> str | None:
    module = (stack.app or "").partition(":")[0].lower()
    return next((FRAMEWORKS[word] for word in sorted(FRAMEWORKS) if word in module), None)


# --- the baseline's best relative ------------------------------------------------------------------------------------


def _against_relative(run: Run, comparison: Comparison, relative: Rival | None) -> str:
    """The candidate against the best configuration of the baseline's app: the baseline alone may be a weak one."""
    if relative is None:
        return ""
    stack = f"{described(run, relative.stack)}{_slots(run, comparison.baseline, relative.stack)}"
    interval = with_interval(relative.ratio)
    match standing(relative.ratio, run.manifest.experiment.margin):
        case "tied":
            return f"; {stack} ties it ({interval})"
        case "unsettled":
            return f"; against {stack} the result is open ({interval})"
    if comparison.verdict in ("faster", "slower"):
        return f", and {interval} those of {stack}"
    return f"; against {stack}, {interval}"


def _slots(run: Run, baseline: str, relative: str) -> str:
    """The number of threads or workers, where the relative's differs from the baseline's."""
    first, second = run.stack(baseline), run.stack(relative)
    slots = bounds.slots(second) if second else None
    if first is None or second is None or slots is None or slots == bounds.slots(first):
        return ""
    return f" with {plural(slots, 'thread' if second.threads > 1 else 'worker')}"


# --- no comparison ---------------------------------------------------------------------------------------------------


def _nothing(reasons: tuple[str, ...]) -> str:
    more = len(reasons) - REASONS_SHOWN
    suffix = f"; and {plural(more, 'more reason')}" if more > 0 else ""
    return f"There is no valid comparison: {'; '.join(reasons[:REASONS_SHOWN])}{suffix}."


def why_nothing(run: Run) -> tuple[str, ...]:
    """Why no comparison can be quoted, the most fundamental reason first; never empty."""
    crashed = [f"the run failed ({run.manifest.error})"] if run.manifest.error else []
    failed = failure_clauses(failures(run))
    said = {f"{failure.stage}: {failure.message}" for failure in run.summary.failures}
    withheld = [
        f"{row.stack}: {reason}"
        for row in run.summary.results
        if not row.valid
        for reason in row.withheld
        if reason not in said
    ]
    absent = [] if measured_anything(run) else ["no block was measured"]
    single = [ONE_BLOCK] if run.measured_blocks == 1 else []
    alone = ["only one stack was measured"] if len({row.stack for row in run.summary.results}) == 1 else []
    reasons = [*crashed, *failed, *withheld, *absent, *single, *alone]
    return tuple(dict.fromkeys(reason.rstrip(".") for reason in reasons)) or ("the analysis made no comparison",)


def measured_anything(run: Run) -> bool:
    """Whether there is any row or any slice without a failure."""
    return bool(run.summary.results) or run.measured_blocks > 0
