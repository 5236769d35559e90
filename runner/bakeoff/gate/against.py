"""The head of a gate against the head of an earlier one. Pure.

This is weaker evidence than a paired measurement, and is labelled so: the machine differs more between two times than
two programs do. It gives the ratio of the means over blocks with Welch's interval, and no verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from bakeoff.analysis import Fingerprint, differences, fingerprint_of, welch_ratio
from bakeoff.gate.effects import MetricKey, log_metrics
from bakeoff.model import (
    HEAD,
    INTERPRETER,
    AgainstEarlier,
    BlockResult,
    Interval,
    Manifest,
    MetricChange,
    Stack,
    UserError,
)

LogMetrics = Mapping[MetricKey, float]
"""Logarithms of one side's metrics in one block."""


def check_comparable(earlier: Manifest, now: Manifest) -> None:
    """Raises `UserError` when the numbers of two gates do not compare, with what differs between them."""
    if earlier.profile != "gate":
        raise UserError(f"--against {earlier.run_id}: not a gate; name the folder of an earlier bakeoff gate")
    if differing := mismatches(earlier, now):
        raise UserError(
            f"--against {earlier.run_id}: {'; '.join(differing)}; add --despite-differences to compare them anyway"
        )


def mismatches(earlier: Manifest, now: Manifest) -> tuple[str, ...]:
    """Each fact about machine, software and workload on which two gates differ."""
    return tuple(
        f"{difference.fact} was {difference.first} and is {difference.other}"
        for difference in differences(_gate_fingerprint(earlier), _gate_fingerprint(now))
    )


def _gate_fingerprint(manifest: Manifest) -> Fingerprint:
    """The run's fingerprint with the gate's loads, its stack's settings and the packages of its head."""
    of_run = fingerprint_of(manifest)
    gate, stack = manifest.experiment.gate, manifest.experiment.stacks[-1]
    workload = {"loads": f"{gate.users} users, then {gate.rate_rps or 0:.4g}/s", "stack": _stack_settings(stack)}
    packages = manifest.place.get(INTERPRETER.format(HEAD))
    software = {"packages of the head": packages} if packages else {}
    return msgspec.structs.replace(of_run, workload=of_run.workload | workload, software=of_run.software | software)


def _stack_settings(stack: Stack) -> str:
    options = [f"{name}={value}" for name, value in {**stack.options, **stack.env}.items()]
    program = stack.app or " ".join(stack.command)
    return " ".join([program, "on", stack.server or "its own", f"{stack.workers} x {stack.threads}", *options])


def head_metrics(blocks: Iterable[BlockResult], intervals: Iterable[Interval]) -> list[LogMetrics]:
    """The head's metrics in each block of a gate."""
    by_block: dict[int, list[Interval]] = {}
    for interval in intervals:
        by_block.setdefault(interval.block, []).append(interval)
    return [log_metrics(block, by_block.get(block.number, []), HEAD) for block in blocks]


def against_earlier(
    run_id: str, differing: Sequence[str], earlier: Sequence[LogMetrics], now: Sequence[LogMetrics]
) -> AgainstEarlier:
    """The change of every metric that all blocks of both gates have; ``differing`` is what else differs."""
    keys = set.intersection(*(set(block) for block in (*earlier, *now))) if earlier and now else set()
    return AgainstEarlier(
        run_id=run_id,
        mismatches=tuple(differing),
        findings=tuple(
            MetricChange(
                metric=key.metric,
                endpoint=key.endpoint,
                ratio=welch_ratio([block[key] for block in earlier], [block[key] for block in now]),
            )
            for key in sorted(keys)
        ),
    )
