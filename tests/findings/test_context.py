"""What follows the headline: ties, what limits the stacks, who is missing, and other loads."""

from __future__ import annotations

from dataclasses import replace

from bakeoff.findings.context import context, interval_note
from bakeoff.findings.headline import quoted_comparison
from bakeoff.model import Run
from tests.findings.changes import change, with_summary
from tests.report.made_up import FAILURE, estimate


def context_of(run: Run) -> tuple[str, ...]:
    """The sentences that follow a run's headline."""
    return context(run, quoted_comparison(run))


def test_a_stack_that_is_missing_from_the_comparison_is_named(failed_stack: Run) -> None:
    """Readers must know that the winner had one rival less."""
    assert f"Not compared: fastapi-uvicorn (start: {FAILURE.message})." in context_of(failed_stack)


def test_what_limits_the_baseline_is_stated_with_its_evidence(run: Run) -> None:
    """The bound, the measured throughput, and the slots behind it."""
    assert (
        "flask-gunicorn-sync is at its limit. All 4 workers are busy: 4 slots / 43.6 ms a request = "
        "91.7 requests/s; measured 89.4."
    ) in " ".join(context_of(run))


def test_a_bound_that_was_not_reached_is_not_called_the_reason(run: Run) -> None:
    """Half of what the slots allow is not explained by the slots."""
    rows = tuple(change(row, bound=change(row.bound, rps=200.0)) if row.bound else row for row in run.summary.results)
    sentences = context_of(with_summary(run, results=rows))
    assert any("by something other than its bound" in sentence for sentence in sentences)


def test_a_request_that_mostly_waits_is_described_with_both_times(run: Run) -> None:
    """It is why slots matter at all."""
    (sentence,) = (sentence for sentence in context_of(run) if sentence.startswith("Why: "))
    assert sentence.startswith("Why: a request takes 43.6 ms on average without load, ")
    assert " ms of it CPU time; it mostly waits. flask-gunicorn-sync is at its limit." in sentence


def test_a_request_that_mostly_computes_is_not_said_to_wait(run: Run) -> None:
    """Then slots are not what is short."""
    rows = tuple(
        change(row, cpu_ms_per_request=estimate(40.0)) if row.cpu_ms_per_request else row for row in run.summary.results
    )
    assert not any("waits" in sentence for sentence in context_of(with_summary(run, results=rows)))


def test_what_limits_the_winner_is_stated_too(run: Run) -> None:
    """Half of an explanation is why the other stack is not held back."""
    sentences = context_of(run)
    assert any(text.startswith("fastapi-uvicorn can work on any number of requests at once. ") for text in sentences)


def test_what_the_same_app_gained_from_its_settings_is_stated(run: Run) -> None:
    """Who has the baseline's app needs no other one for that."""
    (sentence,) = (text for text in context_of(run) if text.startswith("The same app on flask-gunicorn-gthread "))
    assert "served 8.97 \u00d7" in sentence
    assert "flask-gunicorn-gthread can work on 64 requests at once. " in sentence


def test_stacks_that_do_not_differ_clearly_from_the_winner_are_named(run: Run) -> None:
    """The ratio block by block decides, not the two bars."""
    rival = "flask-gunicorn-gthread"
    stacks = tuple(
        change(stack, interface="asgi", app="rival:app") if stack.name == rival else stack
        for stack in run.manifest.experiment.stacks
    )
    experiment = change(run.manifest.experiment, stacks=stacks)
    changed = replace(run, manifest=change(run.manifest, experiment=experiment))
    assert f"fastapi-uvicorn and {rival} cannot be told apart: 1.02 \u00d7 [1.02, 1.02]." in context_of(changed)


def test_another_load_is_reported_with_both_latencies(run: Run) -> None:
    """A ratio of latencies alone does not say whether anyone would notice."""
    (sentence,) = (sentence for sentence in context_of(run) if sentence.startswith("At 50 requests a second, "))
    assert " ms instead of " in sentence


def test_intervals_are_explained_where_there_are_any(run: Run) -> None:
    """One block has none."""
    assert "95 % confidence intervals over 7 blocks" in interval_note(run)
    assert interval_note(replace(run, blocks=run.blocks[:1])) == ""


def test_without_a_comparison_nothing_follows(empty: Run) -> None:
    """The headline has the reasons already."""
    assert context_of(empty) == ()
