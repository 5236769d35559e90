"""What a gate says beside its verdict."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bakeoff.gate.decision import Hypotheses
from bakeoff.gate.result import Circumstances, gate_result
from bakeoff.gate.state import Measured, Trial
from bakeoff.model import Counts, GateResult, GateSettings
from tests.gate.simulated import BLOCK_S, CPU, MEDIAN, SIGNS, START_S, TAIL

FINE = Counts(requests=500, errors=0)
UNEVEN = [0.7, 0.0, 0.0, 0.0]
"""Blocks of which one in four has a p99 of twice the base's."""


def judged(tails: Sequence[float]) -> GateResult:
    """A gate on unchanged code whose p99 goes through these effects, over and over."""
    rng = np.random.default_rng(0)
    trial = Trial(settings=GateSettings(), tests=Hypotheses(SIGNS))
    while trial.verdict is None:
        number = len(trial.blocks)
        effects = {CPU: 0.002 * rng.standard_normal(), MEDIAN: 0.002 * rng.standard_normal()}
        tail = tails[number % len(tails)] + 0.02 * rng.standard_normal()
        block = Measured(effects={**effects, TAIL: tail}, base=FINE, head=FINE)
        trial.add(block, START_S + BLOCK_S * (number + 1), BLOCK_S)
    return gate_result(trial, Circumstances(base="main", head="working tree", stack="plain"), seconds=60.0)


def test_a_pass_says_so_when_a_tail_looks_worse_than_its_limit() -> None:
    """Too uneven to be shown in these blocks, and too bad to be passed over in silence."""
    result = judged(UNEVEN)
    assert result.verdict == "pass"
    assert result.reasons == ("latency_p99 looks worse than its limit, which so few blocks do not show for sure",)


def test_a_pass_without_doubts_gives_no_reasons() -> None:
    """There is nothing to explain."""
    result = judged([0.0])
    assert (result.verdict, result.reasons) == ("pass", ())
