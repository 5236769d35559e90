"""What follows the answer: who is as good, why, who is missing, and how it is elsewhere."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from bakeoff.findings.context import brackets, context
from bakeoff.model import Run
from tests.report.made_up import FAILURE, estimate


def test_a_stack_that_is_missing_from_the_comparison_is_named_after_the_answer(failed_stack: Run) -> None:
    """A winner by default is not one."""
    assert f"Not compared: fastapi-uvicorn (start: {FAILURE.message})." in context(failed_stack)


def test_what_binds_the_baseline_is_told_with_its_evidence(run: Run) -> None:
    """The bound, what was reached, and the slots that make it."""
    assert (
        "flask-gunicorn-sync is at its limit. All 4 workers busy: 4 slots / 43.6 ms a request = "
        "91.7 requests/s; measured 89.4."
    ) in " ".join(context(run))


def test_a_bound_that_was_not_reached_is_not_called_the_reason(run: Run) -> None:
    """Half of what the slots allow is not explained by the slots."""
    rows = tuple(
        msgspec.structs.replace(row, bound=msgspec.structs.replace(row.bound, rps=200.0)) if row.bound else row
        for row in run.summary.results
    )
    changed = replace(run, summary=msgspec.structs.replace(run.summary, results=rows))
    assert any("by something other than its limit" in sentence for sentence in context(changed))


def test_a_request_that_mostly_waits_is_told_so_with_both_times(run: Run) -> None:
    """It is why slots matter at all."""
    (told,) = (sentence for sentence in context(run) if sentence.startswith("Why: "))
    assert told.startswith("Why: a request takes 43.6 ms on average without load, ")
    assert " ms of it CPU time; it mostly waits. flask-gunicorn-sync is at its limit." in told


def test_a_request_that_mostly_computes_is_not_said_to_wait(run: Run) -> None:
    """Then slots are not what is short."""
    rows = tuple(
        msgspec.structs.replace(row, cpu_ms_per_request=estimate(40.0)) if row.cpu_ms_per_request else row
        for row in run.summary.results
    )
    changed = replace(run, summary=msgspec.structs.replace(run.summary, results=rows))
    assert not any("waits" in sentence for sentence in context(changed))


def test_what_the_winner_has_instead_is_told_with_its_own_bound(run: Run) -> None:
    """Half of an explanation is why the other is not held back."""
    assert any(each.startswith("fastapi-uvicorn holds any number of requests at once. ") for each in context(run))


def test_what_the_same_app_gained_by_its_settings_is_told(run: Run) -> None:
    """Who has the baseline's app needs no other one for that."""
    (told,) = (sentence for sentence in context(run) if sentence.startswith("The same app on flask-gunicorn-gthread "))
    assert "served 8.97 \u00d7" in told
    assert "flask-gunicorn-gthread holds 64 requests at once. " in told


def test_stacks_that_cannot_be_told_from_the_winner_are_named(run: Run) -> None:
    """Two equal bars are no victory; the block-by-block ratio says whether they are equal."""
    rival = "flask-gunicorn-gthread"
    stacks = tuple(
        msgspec.structs.replace(one, interface="asgi", app="rival:app") if one.name == rival else one
        for one in run.manifest.experiment.stacks
    )
    experiment = msgspec.structs.replace(run.manifest.experiment, stacks=stacks)
    changed = replace(run, manifest=msgspec.structs.replace(run.manifest, experiment=experiment))
    assert f"fastapi-uvicorn and {rival} cannot be told apart: 1.02 \u00d7 [1.02, 1.02]." in context(changed)


def test_another_load_is_told_with_both_times(run: Run) -> None:
    """A ratio of latencies alone does not say whether anyone would notice."""
    (told,) = (sentence for sentence in context(run) if sentence.startswith("At 50 requests a second, "))
    assert " ms instead of " in told


def test_intervals_are_explained_where_there_are_any(run: Run) -> None:
    """One block has none."""
    assert "95 % intervals over 7 blocks" in brackets(run)
    assert brackets(replace(run, blocks=run.blocks[:1])) == ""
