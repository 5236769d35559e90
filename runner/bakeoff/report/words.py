"""The findings of a run as sentences. Every one is made from the numbers, none from what a stack is called."""

from __future__ import annotations

from itertools import groupby, pairwise

from bakeoff.model import ClosedLoad, Comparison, Estimate, Stack, Timeline
from bakeoff.report import lookup, pairs
from bakeoff.report.lookup import Case
from bakeoff.report.numerals import confidence, listing, number, percent, plural, ratio
from bakeoff.report.situation import situation
from bakeoff.report.why import binds
from bakeoff.run import Run

FRAMEWORKS = {"flask": "Flask", "fastapi": "FastAPI", "django": "Django", "starlette": "Starlette", "quart": "Quart"}
"""What an app's module name gives away, and how the framework writes itself."""


INTERFACES = (
    "WSGI and ASGI are the two ways in which a Python server talks to an app. A WSGI worker keeps a thread on each "
    "request until it is answered, also while it only waits; an ASGI worker turns to other requests meanwhile."
)
TIMELINE = "Several requests, sent at the same moment to one worker of each stack: which step ran when?"


# --- the answer ------------------------------------------------------------------------------------------------------


def answer(run: Run) -> str:
    """The outcome in one sentence, with its interval: the best stack of the other interface against the baseline."""
    best = headline(run)
    return _compared(run, best) if best is not None else _nothing(run)


def headline(run: Run) -> Comparison | None:
    """The comparison that the answer quotes.

    The heaviest closed load is asked first, by throughput; where none has a valid comparison, the open loads, by
    median latency.
    """
    for case in sorted(lookup.cases(run), key=_weight):
        rivals = _rivals(run, lookup.comparisons(run, case, lookup.main_metric(case)))
        if rivals:
            return min(rivals, key=_better_first)
    return None


def _weight(case: Case) -> tuple[bool, float]:
    closed = isinstance(case.load, ClosedLoad)
    size = case.load.users if isinstance(case.load, ClosedLoad) else case.load.rate_rps
    return (not closed, -size)


def _better_first(each: Comparison) -> float:
    return -each.ratio.point if each.metric == "throughput" else each.ratio.point


def _rivals(run: Run, candidates: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
    """The candidates of the other interface than the baseline's; all of them where there is no such."""
    home = lookup.interface_of(run, run.summary.baseline)
    others = tuple(each for each in candidates if lookup.interface_of(run, each.candidate) != home)
    return others or candidates


def _compared(run: Run, each: Comparison) -> str:
    ours, theirs = described(run, each.candidate), described(run, each.baseline)
    where, how_sure = _where(run, each), confidence(each.ratio)
    if each.verdict == "same":
        return f"{ours} and {theirs} {_tied(run, each)} {where}: {ratio(each.ratio)} ({how_sure})."
    if each.verdict == "inconclusive":
        return f"Inconclusive: {ours} {_did(each, theirs)} {where} ({how_sure}), which settles nothing yet."
    return f"{ours} {_did(each, theirs)} {where} ({how_sure})."


def _did(each: Comparison, theirs: str) -> str:
    if each.metric == "throughput":
        return f"served {ratio(each.ratio)} the requests of {theirs}"
    return f"needed {ratio(each.ratio)} the time of {theirs} for the median answer"


def _tied(run: Run, each: Comparison) -> str:
    what = "served the same load" if each.metric == "throughput" else "were equally quick in the median"
    return f"{what}, to within {percent(run.manifest.experiment.margin)},"


def _where(run: Run, each: Comparison) -> str:
    several = len({case.scenario for case in lookup.cases(run)}) > 1
    return f"at {lookup.load_words(each.load)}" + (f" in {each.scenario}" if several else "")


def described(run: Run, name: str) -> str:
    """A stack as a reader knows it, then by name: ``FastAPI on uvicorn (fastapi-uvicorn)``."""
    stack = lookup.stack_named(run, name)
    framework = _framework(stack) if stack else None
    if stack is None or framework is None or stack.server is None:
        return name
    return f"{framework} on {stack.server} ({name})"


def _framework(stack: Stack) -> str | None:
    module = (stack.app or "").partition(":")[0].lower()
    return next((FRAMEWORKS[word] for word in sorted(FRAMEWORKS) if word in module), None)


def _nothing(run: Run) -> str:
    reasons = why_nothing(run)
    more = len(reasons) - 3
    told = "; ".join(reasons[:3]) + (f"; and {plural(more, 'more reason')}" if more > 0 else "")
    return f"There is no valid comparison: {told}."


def why_nothing(run: Run) -> tuple[str, ...]:
    """Why no comparison can be quoted, the most fundamental reason first; never empty."""
    crashed = [f"the run failed ({run.manifest.error})"] if run.manifest.error else []
    failures = [_trouble_words(trouble) for trouble in lookup.troubles(run)]
    withheld = [f"{row.stack}: {reason}" for row in run.summary.results if not row.valid for reason in row.withheld]
    absent = [] if measured_anything(run) else ["no block was measured"]
    single = [ONE_BLOCK] if lookup.measured_blocks(run) == 1 else []
    alone = ["only one stack was measured"] if len({row.stack for row in run.summary.results}) == 1 else []
    found = tuple(
        dict.fromkeys(reason.rstrip(".") for reason in crashed + failures + withheld + absent + single + alone)
    )
    return found or ("the analysis made none",)


ONE_BLOCK = "one block cannot tell a difference from chance, so nothing was compared; at least two are needed"


def measured_anything(run: Run) -> bool:
    """Whether there is any row or any slice without a failure."""
    return bool(run.summary.results) or lookup.measured_blocks(run) > 0


STAGES = {
    "start": "did not start",
    "answers": "gave other answers than the rest",
    "load": "failed under load",
    "exit": "did not end properly",
}


def _trouble_words(trouble: lookup.Trouble) -> str:
    return f"{trouble.stack or 'a stack'} {STAGES[trouble.failure.stage]} ({trouble.failure.message})"


def trouble_title(trouble: lookup.Trouble) -> str:
    """A failure's heading: who, what, and in which blocks."""
    title = f"{trouble.stack or 'A stack'} {STAGES[trouble.failure.stage]}"
    return title + (f" in {_numbered('block', trouble.blocks)}" if trouble.blocks else "")


def _numbered(noun: str, numbers: tuple[int, ...]) -> str:
    if len(numbers) == 1:
        return f"{noun} {numbers[0]}"
    consecutive = numbers == tuple(range(numbers[0], numbers[-1] + 1))
    return f"{noun}s {f'{numbers[0]} to {numbers[-1]}' if consecutive else listing([str(each) for each in numbers])}"


# --- what else there is to say ---------------------------------------------------------------------------------------


def context(run: Run) -> tuple[str, ...]:
    """What follows the answer: the baseline's best relative, what binds, the others, the missing, the other loads."""
    best = headline(run)
    if best is None:
        return ()
    told = (_twin(run, best), _binding(run, best), _others(run, best), _absent(run, best), *_elsewhere(run, best))
    return tuple(sentence for sentence in told if sentence)


def _others(run: Run, best: Comparison) -> str:
    case = Case(best.scenario, best.load)
    others = [each for each in lookup.comparisons(run, case, best.metric) if each.candidate != best.candidate]
    if not others:
        return ""
    parts = [f"{each.candidate} {ratio(each.ratio)}{_unsure(each)}" for each in others]
    return f"The others, against the same baseline at the same load: {listing(parts)}."


def _absent(run: Run, best: Comparison) -> str:
    """Which stacks could not be compared at the same load, and why."""
    case = Case(best.scenario, best.load)
    missing = [name for name in lookup.stack_names(run) if not lookup.is_valid(run, case, name)]
    return f"Not compared: {'; '.join(f'{name} ({_why_not(run, case, name)})' for name in missing)}." if missing else ""


def _why_not(run: Run, case: Case, name: str) -> str:
    row = lookup.result_of(run, case, name)
    return "; ".join(row.withheld).rstrip(".") if row is not None and row.withheld else "nothing was recorded"


def _unsure(each: Comparison) -> str:
    return " (inconclusive)" if each.verdict == "inconclusive" else ""


def _binding(run: Run, best: Comparison) -> str:
    """What the operational laws allow the baseline, and how close to that it came."""
    row = situation(run, Case(best.scenario, best.load), best.baseline)
    if row is None or row.row.bound is None or row.row.bound.by == "load":
        return ""
    cause = "is held back by its own limit" if row.reached else "is held back by something other than its limit"
    return f"Why: {best.baseline} {cause}. {binds(row)}"


def _twin(run: Run, best: Comparison) -> str:
    """How the baseline's app does on its best server, against the stack that the answer quotes."""
    home = lookup.stack_named(run, best.baseline)
    case = Case(best.scenario, best.load)
    if home is None or best.metric != "throughput":
        return ""
    others = [each for each in lookup.comparisons(run, case, best.metric) if each.candidate != best.candidate]
    same_app = [each for each in others if home.app and _app_of(run, each.candidate) == home.app]
    twin = min(same_app, key=_better_first, default=None)
    found = pairs.throughput_ratio(run, case, twin.candidate, best.candidate) if twin else None
    if twin is None or found is None:
        return ""
    return f"With {_what_differs(run, home, twin.candidate)}, {twin.candidate} {_beside(run, found, best.candidate)}."


def _app_of(run: Run, name: str) -> str | None:
    stack = lookup.stack_named(run, name)
    return stack.app if stack else None


def _what_differs(run: Run, home: Stack, name: str) -> str:
    """What the same app was given instead."""
    stack = lookup.stack_named(run, name)
    if stack is None or stack.workers * stack.threads == home.workers * home.threads:
        return "another server or other settings"
    return plural(stack.workers * stack.threads, "thread" if stack.threads > 1 else "worker")


def _beside(run: Run, found: Estimate, best: str) -> str:
    margin = run.manifest.experiment.margin
    told = f"{ratio(found)} ({confidence(found)})"
    if found.low is None or found.high is None:
        return f"served {told} the requests of {best}"
    if found.low >= 1 / (1 + margin) and found.high <= 1 + margin:
        return f"ties {best}: {told}"
    if found.low <= 1 <= found.high:
        return f"served {told} the requests of {best}, which settles nothing between these two"
    return f"served {told} the requests of {best}"


def _elsewhere(run: Run, best: Comparison) -> list[str]:
    """How the same candidate did in every other case."""
    here = Case(best.scenario, best.load)
    found = (
        each
        for case in lookup.cases(run)
        if case != here
        for each in lookup.comparisons(run, case, lookup.main_metric(case))
        if each.candidate == best.candidate
    )
    return [_briefly(run, each) for each in found]


def _briefly(run: Run, each: Comparison) -> str:
    where = _where(run, each)
    told = f"{where[0].upper()}{where[1:]}, {each.candidate} {_did(each, each.baseline)}"
    return f"{told} ({'inconclusive; ' if each.verdict == 'inconclusive' else ''}{confidence(each.ratio)})."


# --- the timeline ----------------------------------------------------------------------------------------------------


def timeline_story(timeline: Timeline) -> str:
    """A stack's timeline as a sentence of its own: who waited for whom."""
    return f"{timeline.stack} ({timeline.interface}): {tell(timeline)}"


def tell(timeline: Timeline) -> str:
    """The order of the steps, the way one would tell it, from when each of them ran."""
    names = request_names(timeline)
    order = _starts(timeline)
    if not order:
        return f"No timeline: {timeline.failure or 'no step was recorded'}."
    if _only_answers(timeline):
        return _answers(timeline, names)
    runs = _runs(names, order)
    present = list(dict.fromkeys(names[request] for request, _ in order))
    ready = f"{_all_of(present)} ready after {number(_end_ms(timeline))} ms."
    if len(present) == 1:
        return f"There was only one request: {runs}. {ready}"
    if one_after_another(timeline):
        return f"The {present[1]} waited until the {present[0]} was done: {runs}. {ready}"
    return f"The {' and the '.join(present)} ran side by side: {runs}. {ready}"


def _only_answers(timeline: Timeline) -> bool:
    """Whether the app told no steps, so that each request is one, from its sending to its answer."""
    return all(len(each.steps) == 1 and each.steps[0].start_s == 0 for each in timeline.requests)


def _answers(timeline: Timeline, names: tuple[str, ...]) -> str:
    ends = [
        f"{name} after {number(each.steps[0].end_s * 1e3)} ms"
        for name, each in zip(names, timeline.requests, strict=True)
    ]
    return f"Answered: {listing(ends)}. The app does not say when its steps ran."


def _starts(timeline: Timeline) -> list[tuple[int, int]]:
    """(request, step) by when they started; steps count from 1."""
    steps = [
        (step.start_s, step.end_s, request, number)
        for request, each in enumerate(timeline.requests)
        for number, step in enumerate(each.steps, start=1)
    ]
    return [(request, number) for _, _, request, number in sorted(steps)]


def _runs(names: tuple[str, ...], order: list[tuple[int, int]]) -> str:
    """Consecutive steps of one request together: ``cake 1-3``, then ``frosting 1``."""
    together = [
        (names[request], [step for _, step in group]) for request, group in groupby(order, key=lambda at: at[0])
    ]
    told = [f"{name} {steps[0]}" + (f"-{steps[-1]}" if len(steps) > 1 else "") for name, steps in together]
    return ", then ".join(told) if len(told) <= len(set(names)) else ", ".join(told)


def one_after_another(timeline: Timeline) -> bool:
    """Whether each request's first step started no earlier than the one before it ended its last."""
    spans = sorted(
        (min(step.start_s for step in request.steps), max(step.end_s for step in request.steps))
        for request in timeline.requests
        if request.steps
    )
    return all(later[0] >= earlier[1] for earlier, later in pairwise(spans))


def _end_ms(timeline: Timeline) -> float:
    return max(step.end_s for request in timeline.requests for step in request.steps) * 1e3


def _all_of(names: list[str]) -> str:
    return {1: "It was", 2: "Both were"}.get(len(names), "All were")


def request_names(timeline: Timeline) -> tuple[str, ...]:
    """A short name for each request, from its path: ``/cake?step_ms=5`` is ``cake``; numbered where names repeat."""
    words = [request.endpoint.partition("?")[0].rstrip("/").rpartition("/")[2] or "/" for request in timeline.requests]
    if len(set(words)) == len(words):
        return tuple(words)
    return tuple(f"{word} {chr(ord('A') + at)}" for at, word in enumerate(words))
