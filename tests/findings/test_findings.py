"""All findings of a run together, and their place in the summary."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from bakeoff.findings import into_summary, state
from bakeoff.model import Run, Summary
from tests.report.made_up import FAILURE, with_failed


@pytest.mark.parametrize("name", ["run", "failed_stack", "swept", "hostile", "empty"])
def test_findings_are_the_same_for_the_same_run(request: pytest.FixtureRequest, name: str) -> None:
    """They depend on nothing else."""
    run: Run = request.getfixturevalue(name)
    assert state(run) == state(run)


def test_the_summary_has_the_headline_and_every_finding_with_evidence(run: Run) -> None:
    """Programs get what people get."""
    findings = state(run)
    summary = into_summary(run.summary, findings)
    assert summary.answer == findings.headline
    kinds = [finding.kind for finding in summary.findings]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "bottleneck": sum(len(group.findings) for group in findings.bottlenecks),
        "diagnosis": len(findings.diagnoses),
        "mismatch": len(findings.mismatches),
    }
    assert all(finding.evidence for finding in summary.findings)


def test_the_rest_of_the_summary_is_untouched(run: Run) -> None:
    """Findings are additions."""
    before, after = (
        json.loads(msgspec.json.encode(summary)) for summary in (run.summary, into_summary(run.summary, state(run)))
    )
    del before["answer"], before["findings"], after["answer"], after["findings"]
    assert before == after


@pytest.mark.parametrize("name", ["run", "failed_stack", "hostile", "empty"])
def test_a_summary_with_findings_can_be_read_again(request: pytest.FixtureRequest, name: str) -> None:
    """As it is stored."""
    run: Run = request.getfixturevalue(name)
    summary = into_summary(run.summary, state(run))
    assert msgspec.json.decode(msgspec.json.encode(summary), type=Summary) == summary


def test_a_summary_of_an_earlier_version_has_no_findings(run: Run) -> None:
    """It still loads."""
    stored = json.loads(msgspec.json.encode(run.summary))
    del stored["answer"], stored["findings"]
    summary = msgspec.convert(stored, Summary)
    assert (summary.answer, summary.findings) == (None, ())


def test_a_failure_is_stated_once_with_its_blocks(failed_stack: Run) -> None:
    """It happened in every block, and is known from records and summary."""
    (failure,) = state(failed_stack).failures
    assert (failure.stack, failure.failure) == ("fastapi-uvicorn", FAILURE)
    assert failure.title == "fastapi-uvicorn did not start in blocks 1 to 7"


def test_the_bars_rank_the_stacks_at_the_load_of_the_headline(run: Run) -> None:
    """The best comes first."""
    bars = state(run).bars
    assert bars is not None
    assert bars.title == "Right answers per second at 64 users: more is better"
    points = [bar.estimate.point for bar in bars.bars if bar.estimate]
    assert points == sorted(points, reverse=True)
    assert {bar.stack for bar in bars.bars} == set(run.stack_names)


def test_a_withheld_stack_comes_last_without_an_estimate(failed_stack: Run) -> None:
    """It is not a bar of no length."""
    bars = state(failed_stack).bars
    assert bars is not None
    assert (bars.bars[-1].stack, bars.bars[-1].estimate) == ("fastapi-uvicorn", None)


def test_without_a_comparison_there_are_no_bars(empty: Run) -> None:
    """There is no load that the headline is about."""
    assert state(empty).bars is None


def test_reasons_for_withholding_name_their_places(failed_stack: Run) -> None:
    """Reasons that differ only in numbers are one."""
    withheld = {item.reason: item.places for item in state(failed_stack).withheld}
    assert withheld[f"start: {FAILURE.message}"] == (
        "fastapi-uvicorn at 64 users, all endpoints",
        "fastapi-uvicorn at 50 requests a second, all endpoints",
    )


def test_the_method_has_the_numbers_of_the_run(run: Run) -> None:
    """Not those of the documentation."""
    method = dict(state(run).method)
    assert "7 blocks with 112 slices" in method["Blocks"]
    assert str(run.manifest.seed) in method["Order"]


@pytest.mark.parametrize(("name", "sentence"), [
    ("run", "it can drive 24,310 requests a second with waiting users"),
    ("empty", "This run failed: no space left on device. What was measured until then is shown."),
    ("empty", "The load generator is not certified: it was never checked."),
])  # fmt: skip
def test_how_certain_the_numbers_are_is_stated(request: pytest.FixtureRequest, name: str, sentence: str) -> None:
    """The state of the run, and the generator's certificate."""
    assert any(sentence in text for text in state(request.getfixturevalue(name)).certainty)


def test_a_run_has_a_result_while_a_candidate_can_be_compared_with_the_baseline(run: Run) -> None:
    """A valid row is not enough, unless there is only one stack."""
    candidates = [stack.name for stack in run.manifest.experiment.stacks if stack.name != run.summary.baseline]
    without = run
    for name in candidates:
        assert state(without).has_result
        without = with_failed(without, name)
    assert any(result.valid for result in without.summary.results)
    assert not state(without).has_result
    assert not state(with_failed(run, run.summary.baseline)).has_result
    alone = msgspec.structs.replace(without.manifest.experiment, stacks=without.manifest.experiment.stacks[:1])
    assert alone.stacks[0].name == run.summary.baseline
    assert state(replace(without, manifest=msgspec.structs.replace(without.manifest, experiment=alone))).has_result
