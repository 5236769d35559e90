"""Runs side by side: what changed from the first to the others is stated, and what differs between them is listed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from bakeoff.analysis import COMPARED, check_conditions, check_machines
from bakeoff.findings.run_comparison import NO_REFERENCE, ComparedRun, RunComparison, compare_runs
from bakeoff.model import ClosedLoad, Code, Environment, LoadOrigin, Run, Stack, UserError
from tests.analysis.test_changes import jittered, slowed
from tests.report import made_up
from tests.report.made_up import STACKS

SLOWED = "fastapi-uvicorn"


def on_another_machine(run: Run, **changes: Any) -> Run:
    """The same run with other facts about its machine."""
    machine = msgspec.structs.replace(run.manifest.machine, **changes)
    return replace(run, manifest=msgspec.structs.replace(run.manifest, machine=machine))


def of_another_experiment(run: Run, **changes: Any) -> Run:
    """The same run, of an experiment with other settings."""
    experiment = msgspec.structs.replace(run.manifest.experiment, **changes)
    return replace(run, manifest=msgspec.structs.replace(run.manifest, experiment=experiment))


def without(run: Run, stack: str) -> Run:
    """The same run, of an experiment that never had one of the stacks."""
    rows = tuple(row for row in run.summary.results if row.stack != stack)
    fewer = of_another_experiment(run, stacks=tuple(known for known in STACKS if known.name != stack))
    return replace(fewer, summary=msgspec.structs.replace(run.summary, results=rows))


@pytest.fixture(scope="module")
def before() -> Run:
    """The first run."""
    return jittered(made_up.complete_run(), 1)


@pytest.fixture(scope="module")
def after() -> Run:
    """A later run, in which one stack serves half as much."""
    return jittered(slowed(made_up.complete_run(), SLOWED, 2.0), 2)


@pytest.fixture(scope="module")
def comparison(before: Run, after: Run) -> RunComparison:
    """The two side by side."""
    return compare_runs([before, after])


# --- what changed ----------------------------------------------------------------------------------------------------


def test_the_conclusion_names_the_stack_that_changed_and_by_how_much(comparison: RunComparison) -> None:
    """With its ratio and what it is relative to."""
    (conclusion,) = comparison.conclusions
    assert re.match(rf"From A to B, {SLOWED} got slower at 64 users \((0\.49|0\.50)\d? ", conclusion)
    assert "the throughput, relative to flask-gunicorn-sync)" in conclusion


def test_changes_of_other_metrics_are_stated_apart(comparison: RunComparison) -> None:
    """Twice the CPU time for a request is a change, whatever became of throughput."""
    assert any(
        f"{SLOWED} got slower at 64 users" in sentence and "the CPU time per request" in sentence
        for sentence in comparison.other_changes
    )
    assert not set(comparison.other_changes) & set(comparison.conclusions)


def test_a_machine_that_slowed_everything_alike_changed_no_stack(before: Run) -> None:
    """Half the speed of all of them is the machine's, and a caution says how far the reference changed."""
    slow = before
    for stack in STACKS:
        slow = slowed(slow, stack.name, 2.0)
    comparison = compare_runs([before, jittered(slow, 3)])
    (conclusion,) = comparison.conclusions
    assert "no stack got faster or slower in throughput or median latency" in conclusion
    assert re.search(r"flask-gunicorn-sync itself had 0\.(49|50)", " ".join(comparison.cautions))


def test_every_run_is_compared_with_the_first(before: Run, after: Run) -> None:
    """Three runs give two conclusions, and two changes of each metric."""
    comparison = compare_runs([before, before, after])
    assert [conclusion[:11] for conclusion in comparison.conclusions] == ["From A to B", "From A to C"]
    assert SLOWED not in comparison.conclusions[0]
    for condition in comparison.conditions:
        for stack in condition.stacks:
            for metric in stack.metrics:
                assert (len(metric.estimates), len(metric.changes)) == (3, 2)


def test_runs_without_a_common_reference_say_so(before: Run, after: Run, comparison: RunComparison) -> None:
    """Their verdicts are about plain ratios."""
    first, other = (made_up.with_failed(run, "flask-gunicorn-sync") for run in (before, after))
    assert NO_REFERENCE in compare_runs([first, other]).cautions
    assert NO_REFERENCE not in comparison.cautions


# --- the numbers -----------------------------------------------------------------------------------------------------


def test_every_number_is_that_of_its_runs_summary(before: Run, after: Run, comparison: RunComparison) -> None:
    """Throughput of each stack at 64 users, in both runs; the main metric of an open load is its latency."""
    closed, open_ = comparison.conditions
    assert (closed.main_metric, open_.main_metric) == ("throughput", "latency_p50")
    assert [metric.metric for metric in closed.stacks[0].metrics] == list(COMPARED)
    for stack in closed.stacks:
        results = [run.result(run.conditions[0], stack.name) for run in (before, after)]
        assert list(stack.of("throughput").estimates) == [result.throughput_rps for result in results if result]


def test_what_a_run_does_not_quote_has_a_reason_and_no_change(before: Run) -> None:
    """Withheld, or never part of that run."""
    failed = made_up.with_failed(before, SLOWED)
    row = next(row for row in failed.summary.results if row.stack == SLOWED)
    for other, reasons in ((failed, row.withheld), (without(before, SLOWED), ("not part of this run",))):
        condition = compare_runs([before, other]).conditions[0]
        (stack,) = (stack for stack in condition.stacks if stack.name == SLOWED)
        assert stack.of("throughput").estimates[0] is not None
        assert stack.of("throughput").estimates[1] is None
        assert stack.of("throughput").reasons == ((), reasons)
        assert stack.of("throughput").changes == (None,)


# --- what differs ----------------------------------------------------------------------------------------------------


def test_runs_that_agree_in_everything_have_no_label(comparison: RunComparison) -> None:
    """Nor a fact in which they differ."""
    assert (comparison.labels, comparison.differences) == ((), ())


@pytest.mark.parametrize(
    ("changes", "label", "fact"),
    [
        ({"cpu_model": "M1"}, "different machines", ("machine", "processor", ("AMD EPYC 7B13", "M1"))),
        ({"python": "3.13.1"}, "different software", ("software", "Python", ("3.11.7", "3.13.1"))),
    ],
)
def test_a_difference_is_labelled_and_listed_with_both_values(
    before: Run, changes: Any, label: str, fact: tuple[str, str, tuple[str, ...]]
) -> None:
    """Whether it is the machine or what runs on it."""
    comparison = compare_runs([before, on_another_machine(before, **changes)])
    assert comparison.labels == (label,)
    assert [(each.part, each.fact, each.values) for each in comparison.differences] == [fact]


def side_by_side(*runs: Run) -> RunComparison:
    """Runs without the changes between their numbers, which take seconds."""
    return RunComparison(tuple(ComparedRun(letter, run, ()) for letter, run in zip("AB", runs, strict=True)))


ORIGIN = "generators on the machine of the stacks: 1"
UPGRADED = Environment(python="Python 3.11.7", packages={"orjson": "3.12.0"})


@pytest.mark.parametrize(
    ("changes", "label", "fact"),
    [
        (
            {"load_origin": LoadOrigin(generators=2)},
            "different workloads",
            ("workload", "source of the load", (ORIGIN, ORIGIN.replace("1", "2"))),
        ),
        (
            {"load_origin": LoadOrigin(generators=1, workers=(made_up.machine(),))},
            "different workloads",
            ("workload", "source of the load", (ORIGIN, "workers: 1 on AMD EPYC 7B13, 2 cores, 6.1.0-18-amd64")),
        ),
        (
            {"environments": made_up.manifest().environments | {SLOWED: UPGRADED}},
            "different software",
            ("software", f"orjson of {SLOWED}", ("3.11.0", "3.12.0")),
        ),
        (
            {"code": made_up.manifest().code | {SLOWED: Code(sha256="beef" * 16, files=13)}},
            "different code",
            ("code", f"code of {SLOWED}", ("12 files, SHA-256 c0dec0dec0de", "13 files, SHA-256 beefbeefbeef")),
        ),
    ],
)
def test_a_difference_in_load_place_or_code_is_labelled_and_listed(
    before: Run, changes: Any, label: str, fact: tuple[str, str, tuple[str, ...]]
) -> None:
    """With both values."""
    comparison = side_by_side(before, replace(before, manifest=msgspec.structs.replace(before.manifest, **changes)))
    assert comparison.labels == (label,)
    assert [(each.part, each.fact, each.values) for each in comparison.differences] == [fact]


def earlier_version(run: Run) -> Run:
    """The same run, by a version that recorded less."""
    machine = msgspec.structs.replace(run.manifest.machine, physical_cores=())
    manifest = msgspec.structs.replace(run.manifest, machine=machine, load_origin=None, environments={}, code={})
    return replace(run, manifest=manifest)


def test_what_a_run_of_an_earlier_version_did_not_record_is_labelled_so(before: Run) -> None:
    """In one run or in all of them; they can be compared."""
    earlier = earlier_version(before)
    for runs in ([earlier, before], [earlier, earlier]):
        check_machines(runs)
        comparison = side_by_side(*runs)
        assert comparison.labels == (
            "machine not wholly recorded",
            "software not wholly recorded",
            "workload not wholly recorded",
            "code not recorded",
        )
        values = {difference.fact: difference.values for difference in comparison.differences}
        assert values["source of the load"][0] == values[f"code of {SLOWED}"][0] == "not recorded"


def test_a_difference_that_is_recorded_is_not_hidden_by_what_is_not(before: Run) -> None:
    other = on_another_machine(earlier_version(before), python="3.13.1")
    assert "different software" in side_by_side(before, other).labels


def test_a_stack_that_only_one_run_has_is_no_difference(before: Run) -> None:
    """It is compared with nothing."""
    assert side_by_side(before, without(before, SLOWED)).labels == ()


def test_a_stack_that_was_set_up_differently_is_labelled(before: Run) -> None:
    """Its name is the same, its workers are not."""
    stacks = tuple(msgspec.structs.replace(s, workers=9) if s.name == SLOWED else s for s in STACKS)
    comparison = compare_runs([before, of_another_experiment(before, stacks=stacks)])
    (difference,) = comparison.differences
    assert comparison.labels == ("different settings",)
    assert (difference.part, difference.fact) == ("stack", SLOWED)
    assert "workers 9" in difference.values[1]


def test_a_stack_with_a_command_of_its_own_shows_it(before: Run) -> None:
    """It has no server."""
    command = Stack(name=SLOWED, interface="asgi", command=("./serve", "{port}"))
    stacks = tuple(command if stack.name == SLOWED else stack for stack in STACKS)
    (difference,) = compare_runs([before, of_another_experiment(before, stacks=stacks)]).differences
    assert "command ./serve {port}" in difference.values[1]


def test_the_folder_of_a_stack_is_no_difference(before: Run) -> None:
    """The same experiment in another clone."""
    stacks = tuple(msgspec.structs.replace(stack, directory="/elsewhere") for stack in STACKS)
    assert compare_runs([before, of_another_experiment(before, stacks=stacks)]).labels == ()


# --- what can be compared at all -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"cpu_model": "M1"}, "processor is AMD EPYC 7B13 there and M1 here"), ({"cores": 8}, "cores")],
)
def test_runs_of_different_machines_are_refused_in_one_line(before: Run, changes: Any, what: str) -> None:
    """With what differs, and how to see them all the same."""
    with pytest.raises(UserError, match=what) as refused:
        check_machines([before, on_another_machine(before, **changes)])
    assert str(refused.value).endswith("compare them all the same with --across-machines")
    assert "\n" not in str(refused.value)


def test_other_versions_of_one_machine_are_not_refused(before: Run) -> None:
    """To see what an upgrade does is what one compares runs for."""
    check_machines([before, on_another_machine(before, python="3.13.1")])


def test_runs_with_no_load_in_common_are_refused(before: Run) -> None:
    """There would be nothing to show."""
    loads = (ClosedLoad(users=1),)
    rows = tuple(msgspec.structs.replace(row, load=loads[0]) for row in before.summary.results)
    other = replace(
        of_another_experiment(before, loads=loads), summary=msgspec.structs.replace(before.summary, results=rows)
    )
    with pytest.raises(UserError, match="no scenario and load in common"):
        check_conditions([before, other])
