"""What a gate reports in the end. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bakeoff.analysis.stats import ratio_estimate
from bakeoff.gate.decision import Bounds, Key, finding, not_passed
from bakeoff.gate.state import Trial
from bakeoff.model import ALL_ENDPOINTS, Counts, GateComparison, GateMetric, GateResult, GateVerdict, Hotspot

EXIT_CODES: dict[GateVerdict, int] = {"pass": 0, "regression": 1, "inconclusive": 3, "invalid": 3}


@dataclass(frozen=True)
class Circumstances:
    """What surrounds a verdict."""

    base: str
    head: str
    stack: str
    rate_rps: float = 0.0
    spoiled: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def with_rate(self, rate_rps: float, notes: tuple[str, ...]) -> Circumstances:
        """After the probe."""
        return replace(self, rate_rps=rate_rps, reasons=self.reasons + notes)

    def with_spoiled(self, reason: str | None) -> Circumstances:
        """After a block."""
        return self if reason is None else replace(self, spoiled=(*self.spoiled, reason))

    def with_reason(self, reason: str) -> Circumstances:
        """Something that a reader should know."""
        return replace(self, reasons=(*self.reasons, reason))


def gate_result(
    trial: Trial, circumstances: Circumstances, seconds: float, hotspots: tuple[Hotspot, ...] = ()
) -> GateResult:
    """The verdict and its grounds."""
    verdict = trial.verdict or "invalid"
    findings = tuple(_finding(bounds, trial) for bounds in trial.bounds if bounds.key in trial.measured)
    return GateResult(
        verdict=verdict,
        exit_code=EXIT_CODES[verdict],
        base=circumstances.base,
        head=circumstances.head,
        stack=circumstances.stack,
        metrics=findings,
        blocks=len(trial.blocks),
        seconds=seconds,
        noise_floor={
            one.metric: one.smallest_visible
            for one in findings
            if one.endpoint == ALL_ENDPOINTS and one.smallest_visible is not None
        },
        users=trial.settings.users,
        rate_rps=circumstances.rate_rps,
        errors={
            "base": _sum(block.base for block in trial.blocks),
            "head": _sum(block.head for block in trial.blocks),
        },
        confirmed=_confirmed(trial),
        reasons=(*circumstances.reasons, *_reasons(trial, circumstances), *_doubts(verdict, findings)),
        look_at_first=_look_at_first(findings, hotspots),
        hotspots=hotspots,
    )


def _sum(counts: Iterable[Counts]) -> Counts:
    several = list(counts)
    return Counts(requests=sum(one.requests for one in several), errors=sum(one.errors for one in several))


def _finding(bounds: Bounds, trial: Trial) -> GateComparison:
    return finding(bounds, trial.effects_of(bounds.key), _verdict_on(bounds, trial))


def _verdict_on(bounds: Bounds, trial: Trial) -> GateVerdict:
    """Blocks that came after the last look, to confirm a suspicion about another metric, may take a pass back."""
    if bounds.key in trial.regressed:
        return "regression"
    high = ratio_estimate(trial.effects_of(bounds.key)).high
    still = high is not None and high < 1 + bounds.tolerance.limit
    return "pass" if bounds.passed and still else "inconclusive"


def _confirmed(trial: Trial) -> bool | None:
    if trial.regressed:
        return True
    return False if trial.rejected else None


def _reasons(trial: Trial, circumstances: Circumstances) -> list[str]:
    reasons = []
    if circumstances.spoiled:
        reasons.append(
            f"{len(circumstances.spoiled)} blocks were left out, such as one in which {circumstances.spoiled[0]}"
        )
    if trial.rejected:
        reasons.append("a regression was suspected, and fresh blocks did not confirm it")
    if trial.verdict == "regression" and not trial.regressed:
        reasons.append("the head has more errors than the base")
    if trial.verdict == "inconclusive":
        reasons.append(_why_inconclusive(trial))
    return reasons


def _doubts(verdict: GateVerdict, findings: Sequence[GateComparison]) -> list[str]:
    """What a pass does not need, and yet looks bad."""
    return [
        f"{one.metric} looks worse than its limit, which so few blocks do not show for sure"
        for one in findings
        if verdict == "pass" and one.role == "advisory" and one.endpoint == ALL_ENDPOINTS
        if one.ratio.point > 1 + one.limit
    ]


def _why_inconclusive(trial: Trial) -> str:
    if not trial.bounds:
        return f"{len(trial.blocks)} blocks in {trial.settings.budget_s:g} s are too few; raise budget_s in [gate]"
    open_ones = not_passed(trial.bounds, trial.settings.tolerances)
    unmeasured = [_name(key) for key in open_ones if key not in trial.measured]
    if unmeasured:
        return f"{', '.join(unmeasured)} could not be measured in every block, and a pass needs it"
    names = ", ".join(_name(key) for key in open_ones)
    return f"neither a pass nor a regression was shown of {names}; a quieter machine or a larger budget_s helps"


def _name(key: Key) -> str:
    return key.metric if key.endpoint == ALL_ENDPOINTS else f"{key.metric} of {key.endpoint}"


def _look_at_first(findings: Sequence[GateComparison], hotspots: Sequence[Hotspot]) -> str | None:
    """The regression that is largest relative to its limit, named by its endpoint where it has one."""
    regressed = [one for one in findings if one.verdict == "regression"]
    if not regressed:
        return None
    worst = max(regressed, key=lambda one: (one.endpoint != ALL_ENDPOINTS, abs(one.ratio.point - 1) / one.limit))
    if worst.metric == "cpu_per_request" and hotspots:
        return f"{hotspots[0].function}, where a request spends {hotspots[0].head_ms - hotspots[0].base_ms:.3f} ms more"
    return f"{_ADVICE[worst.metric]}" + ("" if worst.endpoint == ALL_ENDPOINTS else f", at {worst.endpoint}")


_ADVICE: dict[GateMetric, str] = {
    "cpu_per_request": "what the server computes for each request: compare the two CPU profiles",
    "latency_p50": "what every request waits for: a query, a call to another service, a sleep, a lock",
    "latency_p90": "what some requests wait for: a cache that misses, a pool that is empty",
    "latency_p99": "what few requests wait for: garbage collection, a timeout, a retry",
    "memory": "what is kept: a cache without a bound, a larger import",
    "throughput": "what requests wait for when there are many of them",
    "start_up": "what is imported or connected to before the first answer",
}
