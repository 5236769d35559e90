"""What a gate reports beside its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from bakeoff.gate.decision import decide
from bakeoff.gate.effects import MetricKey
from bakeoff.gate.result import environment_changes, gate_result
from bakeoff.model import Environment, GateResult, PackageChange
from benchmarks.gate.simulation import BLOCK_S, CPU, MEDIAN, START_S, TAIL, block, new_gate

UNEVEN = [0.7, 0.0, 0.0, 0.0]
"""Blocks of which one in four has a p99 of twice the base's."""


def gate_with_tails(tails: Sequence[float], throughput: float = 0.0) -> GateResult:
    """A gate on unchanged code whose p99 has these effects, over and over."""
    rng = np.random.default_rng(0)
    state = new_gate()
    while state.verdict is None:
        number = len(state.blocks)
        effects = {
            CPU: 0.002 * rng.standard_normal(),
            MEDIAN: 0.002 * rng.standard_normal(),
            TAIL: tails[number % len(tails)] + 0.02 * rng.standard_normal(),
            MetricKey("throughput"): throughput + 0.002 * rng.standard_normal(),
        }
        state = decide(state, block(effects), START_S + BLOCK_S * (number + 1), BLOCK_S)
    return gate_result(state, "main", "working tree", seconds=60.0)


def test_a_pass_mentions_a_tail_that_looks_worse_than_its_limit() -> None:
    """Too uneven to be shown in these blocks, and too bad to be left unsaid."""
    result = gate_with_tails(UNEVEN)
    assert result.verdict == "pass"
    assert result.reasons == ("the p99 latency looks worse than its limit, but there are too few blocks to be sure",)


def test_a_pass_without_doubts_gives_no_reasons() -> None:
    """There is nothing to explain."""
    result = gate_with_tails([0.0])
    assert (result.verdict, result.reasons) == ("pass", ())


def test_a_percentile_that_is_not_known_in_every_block_is_said_not_to_be_judged() -> None:
    """Requests of one block failed, so that its p99 is only known from below: it has no row, and a reason."""
    blocks = [block({CPU: 0.0, MEDIAN: 0.0, TAIL: 0.0})] * 6
    blocks.append(replace(block({CPU: 0.0, MEDIAN: 0.0}), censored=frozenset({MetricKey("latency_p99", "/cake")})))
    state = replace(new_gate(), blocks=tuple(blocks), counts=tuple(block.counts for block in blocks), verdict="pass")
    (reason,) = gate_result(state, "main", "working tree", seconds=60.0).reasons
    assert reason.startswith("the p99 latency is not judged: in 1 of 7 blocks it falls among requests without a right")


def test_a_lower_throughput_is_a_ratio_below_one() -> None:
    """Effects are above zero for what is worse; the ratio, its interval and its bounds are head over base."""
    (found,) = [comparison for comparison in gate_with_tails([0.0], 0.1).metrics if comparison.metric == "throughput"]
    assert found.ratio.point == pytest.approx(np.exp(-0.1), rel=0.002)
    ends = [found.lower, found.ratio.low, found.ratio.point, found.ratio.high, found.upper]
    assert ends == sorted(end for end in ends if end is not None)


def test_the_environments_differ_in_interpreter_versions_and_what_only_one_side_has() -> None:
    """The interpreter first; then the packages of the base, then those that were added."""
    base = Environment(python="Python 3.12.1", packages={"uvloop": "0.22", "flask": "3.0", "click": "8.1"})
    head = Environment(python="Python 3.13.0", packages={"anyio": "4.0", "flask": "3.1", "click": "8.1"})
    assert environment_changes({"base": base, "head": head}) == (
        PackageChange(package="interpreter", base="Python 3.12.1", head="Python 3.13.0"),
        PackageChange(package="flask", base="3.0", head="3.1"),
        PackageChange(package="uvloop", base="0.22", head=None),
        PackageChange(package="anyio", base=None, head="4.0"),
    )
    assert environment_changes({"base": base, "head": base}) == ()


def test_an_environment_that_is_not_known_has_no_differences_and_is_not_equal() -> None:
    assert environment_changes({"base": Environment(python="Python 3.12.1", packages={})}) is None


def test_another_build_of_the_same_version_is_a_difference() -> None:
    """Of a local project, for example."""
    base, head = (
        Environment(
            python="Python 3.13.0", packages={"shop": "0.1", "click": "8"}, contents={"shop": files, "click": "x"}
        )
        for files in ("12ab", "34cd")
    )
    assert environment_changes({"base": base, "head": head}) == (
        PackageChange(package="shop", base="0.1 (files 12ab)", head="0.1 (files 34cd)"),
    )
