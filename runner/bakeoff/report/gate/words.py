"""A gate's outcome in words: the same in every format."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.analysis import METRICS
from bakeoff.model import ALL_ENDPOINTS, GateComparison, GateResult


def gate_of(result: GateResult | None) -> GateResult:
    """The outcome, which a gate's summary always has."""
    if result is None:
        raise ValueError("not the summary of a gate")
    return result


def name(one: GateComparison) -> str:
    """The metric, and where."""
    return METRICS[one.metric].label + ("" if one.endpoint == ALL_ENDPOINTS else f" of {one.endpoint}")


def change(ratio: float | None) -> str:
    """A ratio as a change: ``+2.1 %``."""
    return "?" if ratio is None else f"{100 * (ratio - 1):+z.1f} %"


def interval(one: GateComparison) -> str:
    """The interval of a finding as changes."""
    return f"[{change(one.ratio.low)}, {change(one.ratio.high)}]"


def headline(result: GateResult) -> str:
    """The verdict in a sentence."""
    if result.verdict == "pass":
        return f"pass: {result.head} is no slower than {result.base}{_by_how_much(result.metrics)}"
    if result.verdict == "regression":
        worse = [one for one in result.metrics if one.verdict == "regression"]
        what = "; ".join(f"{name(one)} {change(one.ratio.point)} {interval(one)}" for one in worse) or _errors(result)
        return f"regression: {result.head} against {result.base}: {what}"
    return f"{result.verdict}: {'; '.join(result.reasons)}"


def _by_how_much(metrics: Sequence[GateComparison]) -> str:
    deciding = [one for one in metrics if one.role == "required" and one.endpoint == ALL_ENDPOINTS]
    shown = ", ".join(f"{METRICS[one.metric].label} {change(one.ratio.point)} {interval(one)}" for one in deciding)
    return f" ({shown})"


def _errors(result: GateResult) -> str:
    base, head = result.errors["base"], result.errors["head"]
    return f"{head.errors} of {head.requests} requests failed, where {base.errors} of {base.requests} did before"


def notes(result: GateResult) -> list[str]:
    """What else a reader should know, a sentence each."""
    found = []
    if result.look_at_first:
        found.append(f"Look first at {result.look_at_first}.")
    if result.confirmed:
        found.append("Fresh blocks, measured after the regression was suspected, confirmed it.")
    found += [f"{reason[0].upper()}{reason[1:]}." for reason in result.reasons]
    visible = [
        f"{METRICS[one.metric].label} {change(1 + one.smallest_visible)}"
        for one in _over_all(result)
        if one.smallest_visible is not None
    ]
    if visible:
        found.append(f"The smallest change that would have been seen (19 times of 20): {', '.join(visible)}.")
    return found


def _over_all(result: GateResult) -> list[GateComparison]:
    return [one for one in result.metrics if one.endpoint == ALL_ENDPOINTS and one.role != "informational"]


def against(result: GateResult) -> tuple[str, list[str]]:
    """How the head stands to that of an earlier gate: a title, and a line a metric; none without one."""
    earlier = result.against
    if earlier is None:
        return "", []
    title = f"Against {earlier.run_id}, measured at another time (weaker evidence, no verdict)"
    if earlier.mismatches:
        title += f"; beware: {'; '.join(earlier.mismatches)}"
    lines = []
    for one in earlier.findings:
        where = "" if one.endpoint == ALL_ENDPOINTS else f" of {one.endpoint}"
        ends = f"[{change(one.ratio.low)}, {change(one.ratio.high)}]"
        lines.append(f"{METRICS[one.metric].label}{where} {change(one.ratio.point)} {ends}")
    return title, lines


def how(result: GateResult) -> str:
    """What was done, in a sentence."""
    return (
        f"{result.stack}, both revisions up at once: {result.blocks} blocks in {result.seconds:.0f} s, "
        f"{result.users} users in closed loop, then {result.rate_rps:.3g} arrivals/s"
    )
