"""The head of a gate against that of an earlier one: weaker evidence than a duet, and labelled so. Pure.

Two times differ by more than two programs do. What is left is the difference of the means over blocks, with Welch's
interval; it gives no verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bakeoff.analysis.fingerprint import Fingerprint, differences, fingerprint_of
from bakeoff.analysis.stats import LEVEL
from bakeoff.gate.decision import Key
from bakeoff.gate.effects import levels
from bakeoff.model import (
    HEAD,
    INTERPRETER,
    AgainstEarlier,
    BlockResult,
    Estimate,
    Interval,
    Manifest,
    MetricChange,
    Stack,
    UserError,
)

Levels = Mapping[Key, float]
"""Logarithms of one side's metrics in one block."""


def check_comparable(earlier: Manifest, now: Manifest) -> None:
    """Raises `UserError` with what differs between two gates, so that their numbers do not compare."""
    if earlier.profile != "gate":
        raise UserError(f"--against {earlier.run_id}: no gate; give the folder of an earlier bakeoff gate")
    if told := mismatches(earlier, now):
        raise UserError(
            f"--against {earlier.run_id}: {'; '.join(told)}; compare them all the same with --despite-differences"
        )


def mismatches(earlier: Manifest, now: Manifest) -> tuple[str, ...]:
    """Each fact of machine, software and workload on which they disagree."""
    return tuple(
        f"{one.fact} was {one.first} and is {one.other}" for one in differences(_of_gate(earlier), _of_gate(now))
    )


def _of_gate(manifest: Manifest) -> Fingerprint:
    """A fingerprint that knows the loads of a gate, how its stack is set up, and what its head runs on."""
    found = fingerprint_of(manifest)
    gate, stack = manifest.experiment.gate, manifest.experiment.stacks[-1]
    loads = {"loads": f"{gate.users} users, then {gate.rate_rps or 0:.4g}/s", "stack": _set_up(stack)}
    runs_on = {"packages of the head": text} if (text := manifest.place.get(INTERPRETER.format(HEAD))) else {}
    return msgspec.structs.replace(found, workload=found.workload | loads, software=found.software | runs_on)


def _set_up(stack: Stack) -> str:
    options = [f"{name}={value}" for name, value in {**stack.options, **stack.env}.items()]
    what = stack.app or " ".join(stack.command)
    return " ".join([what, "on", stack.server or "its own", f"{stack.workers} x {stack.threads}", *options])


def heads_levels(blocks: Iterable[BlockResult], intervals: Iterable[Interval]) -> list[Levels]:
    """The head's metrics in each block of a gate."""
    by_block: dict[int, list[Interval]] = {}
    for one in intervals:
        by_block.setdefault(one.block, []).append(one)
    return [levels(block, by_block.get(block.number, []), HEAD) for block in blocks]


def against(run_id: str, told: Sequence[str], earlier: Sequence[Levels], now: Sequence[Levels]) -> AgainstEarlier:
    """What changed since, on every metric that all blocks of both have; ``told`` is what else differs."""
    keys = set.intersection(*(set(block) for block in (*earlier, *now))) if earlier and now else set()
    return AgainstEarlier(
        run_id=run_id,
        mismatches=tuple(told),
        findings=tuple(
            MetricChange(metric=key.metric, endpoint=key.endpoint, ratio=_ratio(key, earlier, now))
            for key in sorted(keys)
        ),
    )


def _ratio(key: Key, earlier: Sequence[Levels], now: Sequence[Levels]) -> Estimate:
    """Now over earlier, with Welch's interval; none from a single block."""
    before, after = (np.array([block[key] for block in blocks]) for blocks in (earlier, now))
    change, n = float(after.mean() - before.mean()), min(len(before), len(after))
    half = _half_width(before, after) if n > 1 else None
    return Estimate(
        point=float(np.exp(change)),
        low=None if half is None else float(np.exp(change - half)),
        high=None if half is None else float(np.exp(change + half)),
        level=LEVEL,
        n=n,
    )


def _half_width(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Half of the interval of a difference of means whose variances differ (Welch 1947)."""
    parts = [float(values.var(ddof=1)) / len(values) for values in (before, after)]
    if not sum(parts):
        return 0.0
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (before, after), strict=True)
    )
    return float(stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(sum(parts)))
