"""A gate's head against that of an earlier gate: refused when the two do not compare, and labelled as weak evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import ttest_ind

from bakeoff.gate import against_earlier, check_comparable, head_metrics, mismatches
from bakeoff.gate.effects import MetricKey
from bakeoff.model import GateSettings, Manifest, UserError
from bakeoff.report.gate import markdown, terminal
from bakeoff.results import RunFolder, without_secrets
from tests.builders import experiment, stack
from tests.gate.results import PASSED
from tests.gate.test_effects import block
from tests.measure.fakes import manifest

CPU, CAKE = MetricKey("cpu_per_request"), MetricKey("latency_p50", "/cake")


def gate(**changes: Any) -> Manifest:
    """The manifest of a gate."""
    gate_experiment = experiment(stack("base"), stack("head"), gate=GateSettings(rate_rps=100.0))
    interpreter = {"interpreter of head": "Python 3.11.7, gunicorn 27.0"}
    return replace(manifest(gate_experiment), profile="gate", **{"place": interpreter, **changes})


def test_gates_of_one_machine_and_workload_compare() -> None:
    """Their revisions may differ."""
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
def test_a_difference_is_named_and_refused(part: str, changed: dict[str, Any]) -> None:
    """Processor, kernel, Python, load and server; the message says how to compare anyway."""
    now = gate()
    before = getattr(now, part)
    other = replace(now, **{part: {**before, **changed} if isinstance(before, dict) else replace(before, **changed)})
    assert len(mismatches(now, other)) == 1
    with pytest.raises(UserError, match=r"was .* and is .*--despite-differences"):
        check_comparable(now, other)


def test_a_changed_secret_is_a_difference_whose_values_are_not_shown(tmp_path: Path) -> None:
    """Of the gate that was stored, the values are not even known."""
    before, now = (
        replace(gate(), experiment=experiment(stack("base"), stack("head", env={"STRIPE": value})))
        for value in ("hunter2", "hunter3")
    )
    stored = RunFolder.create(tmp_path, before).manifest()
    check_comparable(stored, without_secrets(before))
    with pytest.raises(UserError, match=r"STRIPE=masked:.*STRIPE=masked:") as refused:
        check_comparable(stored, without_secrets(now))
    assert "hunter" not in str(refused.value)


def test_a_run_that_is_no_gate_is_refused() -> None:
    """It measures each stack alone, which gives other numbers."""
    with pytest.raises(UserError, match="not a gate"):
        check_comparable(replace(gate(), profile="full"), gate())


def test_the_metrics_are_those_of_the_head() -> None:
    """0.11 s of CPU for the 40 right answers of the open loop, and a cake in 120 ms."""
    result, intervals = block()
    (metrics,) = head_metrics([result], intervals)
    assert np.exp(metrics[CPU]) == pytest.approx(0.11 / 40)
    assert np.exp(metrics[CAKE]) == pytest.approx(0.12, rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_a_change_is_now_over_then_with_welchs_interval(seed: int) -> None:
    """About twice the CPU; the interval is scipy's."""
    rng = np.random.default_rng(seed)
    before, after = 0.01 * rng.standard_normal(8), np.log(2) + 0.03 * rng.standard_normal(11)
    earlier, now = ([{CPU: value} for value in values] for values in (before, after))
    (change,) = against_earlier("earlier", (), earlier, now).findings
    expected = ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
    assert change.ratio.point == pytest.approx(2, rel=0.05)
    assert (change.ratio.low, change.ratio.high) == pytest.approx((np.exp(expected.low), np.exp(expected.high)))


def test_a_metric_that_never_varies_has_no_interval() -> None:
    """Memory may be the same to the byte in every block, which says nothing about the next."""
    (change,) = against_earlier("earlier", (), [{CPU: 0.0}] * 3, [{CPU: 0.0}] * 3).findings
    assert (change.ratio.low, change.ratio.point, change.ratio.high) == (None, 1.0, None)


def test_a_metric_that_is_missing_from_a_block_is_left_out() -> None:
    """One of the earlier gate's blocks has no latency for cakes."""
    changes = against_earlier("earlier", (), [{CPU: 0.0}, {CPU: 0.0, CAKE: 0.0}], [{CPU: 0.0, CAKE: 0.0}]).findings
    assert [change.metric for change in changes] == ["cpu_per_request"]


def test_it_is_labelled_as_weaker_evidence() -> None:
    """In the terminal and in a pull request, with what else differs."""
    comparison = against_earlier("earlier", ("kernel was 6 and is 7",), [{CPU: 0.0}] * 2, [{CPU: 0.1}] * 2)
    assert PASSED.gate is not None
    summary = replace(PASSED, gate=replace(PASSED.gate, against=comparison))
    for text in (terminal.render(summary, colour=False), markdown.render(summary)):
        assert "weaker evidence" in text
        assert "kernel was 6 and is 7" in text
        assert "CPU time per request +10.5 %" in text
