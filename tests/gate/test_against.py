"""A gate's head against that of an earlier gate: refused where it would not compare, and weaker where it does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import ttest_ind

from bakeoff.gate.against import against, check_comparable, heads_levels, mismatches
from bakeoff.gate.decision import Key
from bakeoff.model import GateSettings, Manifest, UserError
from bakeoff.report.gate import markdown, terminal
from tests.builders import experiment, stack
from tests.gate.results import PASSED
from tests.gate.test_effects import block
from tests.measure.fakes import manifest

CPU, CAKE = Key("cpu_per_request"), Key("latency_p50", "/cake")


def gate(**changes: Any) -> Manifest:
    """The manifest of a gate."""
    asked = experiment(stack("base"), stack("head"), gate=GateSettings(rate_rps=100.0))
    runs_on = {"interpreter of head": "Python 3.11.7, gunicorn 27.0"}
    return replace(manifest(asked), profile="gate", **{"place": runs_on, **changes})


def test_gates_of_one_machine_and_workload_compare() -> None:
    """Whatever their revisions."""
    check_comparable(gate(run_id="earlier"), gate())


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        ("machine", {"cpu_model": "another"}),
        ("machine", {"kernel": "7.0"}),
        ("machine", {"python": "3.99"}),
        ("place", {"interpreter of head": "Python 3.11.7, gunicorn 25.0"}),
        ("experiment", {"gate": GateSettings(rate_rps=50.0)}),
        ("experiment", {"stacks": (stack("base"), stack("head", workers=9))}),
    ],
)
def test_what_differs_is_named_and_refused(part: str, changed: dict[str, Any]) -> None:
    """Processor, kernel, Python, load and servers, with the way to insist."""
    now = gate()
    before = getattr(now, part)
    other = replace(now, **{part: {**before, **changed} if isinstance(before, dict) else replace(before, **changed)})
    assert len(mismatches(now, other)) == 1
    with pytest.raises(UserError, match=r"was .* and is .*--despite-differences"):
        check_comparable(now, other)


def test_only_gates_are_held_against() -> None:
    """A run measures each stack alone; that is another number."""
    with pytest.raises(UserError, match="no gate"):
        check_comparable(replace(gate(), profile="full"), gate())


def test_the_heads_levels_are_its_own() -> None:
    """1.2 s of CPU for 80 right answers, and a cake in 120 ms."""
    result, intervals = block()
    (found,) = heads_levels([result], intervals)
    assert np.exp(found[CPU]) == pytest.approx(1.2 / 80)
    assert np.exp(found[CAKE]) == pytest.approx(0.12, rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_what_changed_is_now_over_then_with_welchs_interval(seed: int) -> None:
    """About twice the CPU; the interval is scipy's."""
    rng = np.random.default_rng(seed)
    before, after = 0.01 * rng.standard_normal(8), np.log(2) + 0.03 * rng.standard_normal(11)
    (found,) = against("earlier", (), [{CPU: value} for value in before], [{CPU: value} for value in after]).findings
    expected = ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
    assert found.ratio.point == pytest.approx(2, rel=0.05)
    assert (found.ratio.low, found.ratio.high) == pytest.approx((np.exp(expected.low), np.exp(expected.high)))


def test_levels_that_never_vary_have_an_interval_of_no_width() -> None:
    """Memory may be the same to the byte."""
    (found,) = against("earlier", (), [{CPU: 0.0}] * 3, [{CPU: 0.0}] * 3).findings
    assert (found.ratio.low, found.ratio.point, found.ratio.high) == (1.0, 1.0, 1.0)


def test_a_metric_that_one_of_them_lacks_is_left_out() -> None:
    """No number from nothing."""
    found = against("earlier", (), [{CPU: 0.0}, {CPU: 0.0, CAKE: 0.0}], [{CPU: 0.0, CAKE: 0.0}]).findings
    assert [one.metric for one in found] == ["cpu_per_request"]


def test_it_is_labelled_as_weaker() -> None:
    """In the terminal and in a pull request, with what else differs."""
    found = against("earlier", ("kernel was 6 and is 7",), [{CPU: 0.0}] * 2, [{CPU: 0.1}] * 2)
    assert PASSED.gate is not None
    told = replace(PASSED, gate=replace(PASSED.gate, against=found))
    for said in (terminal.render(told, colour=False), markdown.render(told)):
        assert "weaker evidence" in said
        assert "kernel was 6 and is 7" in said
        assert "CPU per request +10.5 %" in said
