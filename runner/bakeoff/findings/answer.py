"""The outcome of a run in one sentence."""

from __future__ import annotations

from bakeoff.analysis import bounds as laws
from bakeoff.findings.failures import failures
from bakeoff.findings.numerals import confidence, percent, plural, ratio
from bakeoff.findings.pairs import best_relative, standing
from bakeoff.model import ClosedLoad, Comparison, Condition, Estimate, Run, Stack, load_words

FRAMEWORKS = {"flask": "Flask", "fastapi": "FastAPI", "django": "Django", "starlette": "Starlette", "quart": "Quart"}
"""What an app's module name gives away, and how the framework writes itself."""

ONE_BLOCK = "one block cannot tell a difference from chance, so nothing was compared; at least two are needed"


def answer(run: Run) -> str:
    """The best stack of the other interface against the baseline, and against the baseline's best relative."""
    best = headline(run)
    return f"{_compared(run, best)}{_relative(run, best)}." if best is not None else _nothing(run)


def headline(run: Run) -> Comparison | None:
    """The comparison that the answer quotes.

    The heaviest closed load is asked first, by throughput; where none has a valid comparison, the open loads, by
    median latency.
    """
    for case in sorted(run.conditions, key=_weight):
        rivals = _rivals(run, run.comparisons(case, case.main_metric))
        if rivals:
            return min(rivals, key=_better_first)
    return None


def _weight(case: Condition) -> tuple[bool, float]:
    closed = isinstance(case.load, ClosedLoad)
    size = case.load.users if isinstance(case.load, ClosedLoad) else case.load.mean_rate_rps
    return (not closed, -size)


def _better_first(each: Comparison) -> float:
    return -each.ratio.point if each.metric == "throughput" else each.ratio.point


def _rivals(run: Run, candidates: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
    """The candidates of the other interface than the baseline's; all of them where there is no such."""
    home = run.interface_of(run.summary.baseline)
    others = tuple(each for each in candidates if run.interface_of(each.candidate) != home)
    return others or candidates


def _compared(run: Run, each: Comparison) -> str:
    ours, theirs = described(run, each.candidate), described(run, each.baseline)
    if each.verdict == "same":
        return f"{ours} and {theirs} {_tied(run, each)} {where(run, each)}: {with_interval(each.ratio)}"
    told = f"{ours} {did(each, theirs)} {where(run, each)}"
    return f"Inconclusive: {told}, which settles nothing yet" if each.verdict == "inconclusive" else told


def did(each: Comparison, theirs: str) -> str:
    """What the candidate achieved, against the baseline under some name."""
    if each.metric == "throughput":
        return f"served {with_interval(each.ratio)} the requests of {theirs}"
    return f"needed {with_interval(each.ratio)} the time of {theirs} for the median answer"


def _tied(run: Run, each: Comparison) -> str:
    what = "served the same load" if each.metric == "throughput" else "were equally quick in the median"
    return f"{what}, to within {percent(run.manifest.experiment.margin)},"


def where(run: Run, each: Comparison) -> str:
    """At which load, and in which scenario where there are several."""
    several = len({case.scenario for case in run.conditions}) > 1
    return f"at {load_words(each.load)}" + (f" in {each.scenario}" if several else "")


def with_interval(found: Estimate) -> str:
    """A ratio with its interval, or with the reason why it has none."""
    return f"{ratio(found)} ({confidence(found)})" if found.low is None or found.high is None else ratio(found)


def described(run: Run, name: str) -> str:
    """A stack as a reader knows it: ``Flask on gunicorn-sync`` for ``flask-gunicorn-sync``, else with its name."""
    stack = run.stack(name)
    framework = _framework(stack) if stack else None
    if stack is None or framework is None or stack.server is None:
        return name
    after = name.removeprefix(f"{framework.lower()}-")
    is_telling = after != name and after.split("-")[0] == stack.server
    return f"{framework} on {after}" if is_telling else f"{framework} on {stack.server} ({name})"


def _framework(stack: Stack) -> str | None:
    module = (stack.app or "").partition(":")[0].lower()
    return next((FRAMEWORKS[word] for word in sorted(FRAMEWORKS) if word in module), None)


# --- the baseline's best relative ------------------------------------------------------------------------------------


def _relative(run: Run, best: Comparison) -> str:
    """How the same stack did against the baseline's app at its best: the fair rival of what may be a weak baseline."""
    found = best_relative(run, best)
    if found is None:
        return ""
    who = f"{described(run, found.stack)}{_slots(run, best.baseline, found.stack)}"
    told = with_interval(found.ratio)
    match standing(found.ratio, run.manifest.experiment.margin):
        case "tied":
            return f"; {who} ties it ({told})"
        case "unsettled":
            return f"; against {who}, {told} settles nothing"
    return f", and {told} those of {who}" if best.verdict in ("faster", "slower") else f"; against {who}, {told}"


def _slots(run: Run, baseline: str, name: str) -> str:
    """What the same app was given more or fewer of."""
    home, stack = (run.stack(one) for one in (baseline, name))
    held = laws.slots(stack) if stack else None
    if home is None or stack is None or held is None or held == laws.slots(home):
        return ""
    return f" with {plural(held, 'thread' if stack.threads > 1 else 'worker')}"


# --- no answer -------------------------------------------------------------------------------------------------------


def _nothing(run: Run) -> str:
    reasons = why_nothing(run)
    more = len(reasons) - 3
    told = "; ".join(reasons[:3]) + (f"; and {plural(more, 'more reason')}" if more > 0 else "")
    return f"There is no valid comparison: {told}."


def why_nothing(run: Run) -> tuple[str, ...]:
    """Why no comparison can be quoted, the most fundamental reason first; never empty."""
    crashed = [f"the run failed ({run.manifest.error})"] if run.manifest.error else []
    failed = [failure.clause for failure in failures(run)]
    withheld = [f"{row.stack}: {reason}" for row in run.summary.results if not row.valid for reason in row.withheld]
    absent = [] if measured_anything(run) else ["no block was measured"]
    single = [ONE_BLOCK] if run.measured_blocks == 1 else []
    alone = ["only one stack was measured"] if len({row.stack for row in run.summary.results}) == 1 else []
    found = tuple(dict.fromkeys(reason.rstrip(".") for reason in crashed + failed + withheld + absent + single + alone))
    return found or ("the analysis made none",)


def measured_anything(run: Run) -> bool:
    """Whether there is any row or any slice without a failure."""
    return bool(run.summary.results) or run.measured_blocks > 0
