"""All findings about a run, stated once: what every renderer draws and ``summary.json`` stores."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from bakeoff.findings import facts, fairness, rows, workers
from bakeoff.findings.bottlenecks import Bottlenecks, bottlenecks
from bakeoff.findings.context import INTERFACES, context, interval_note
from bakeoff.findings.diagnoses import diagnoses
from bakeoff.findings.failures import StackFailure, failures
from bakeoff.findings.grid import Grid
from bakeoff.findings.headline import headline, quoted_comparison
from bakeoff.findings.headline_bars import HeadlineBars, headline_bars
from bakeoff.findings.timeline_story import TimelineStory, stories
from bakeoff.model import Finding, Headline, Load, Profile, Run, Summary, nothing_is_left

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a run says, in the order in which a report shows it. Renderers draw it and decide nothing."""

    experiment: str
    profile: Profile
    baseline: str
    started: str
    has_result: bool
    """Whether a row passed every check; of several stacks, one of a candidate and the baseline's beside it."""
    ended_early: bool
    """Whether the first block left nothing to compare, so that no other was measured."""

    headline: Headline
    interfaces: str
    """What WSGI and ASGI are."""
    bars: HeadlineBars | None
    context: tuple[str, ...]
    """Sentences that follow the headline."""
    interval_note: str
    """How to read the brackets; empty where there are none."""

    certainty: tuple[str, ...]
    warnings: tuple[str, ...]
    """What may have disturbed the measurement on this machine."""
    withheld: tuple[facts.Withheld, ...]

    results: tuple[Grid, ...]
    endpoints: tuple[Grid, ...]
    comparisons: Grid

    bottlenecks: tuple[Bottlenecks, ...]
    diagnoses: tuple[Finding, ...]
    timelines: tuple[TimelineStory, ...]
    failures: tuple[StackFailure, ...]

    working_conditions: Grid
    workers: Grid
    """Without rows where processes were not told apart."""
    mismatches: tuple[Finding, ...]
    stacks: Grid

    method: Pairs
    oracle: Grid
    machine: Pairs
    versions: Pairs
    about: Pairs
    raw_files: Pairs
    block_files: Pairs


def has_result(run: Run) -> bool:
    """Whether there is something to tell: a valid row, or if there are several stacks, two that can be compared."""
    rows: dict[tuple[str, Load, str], set[str]] = {}
    for result in run.summary.results:
        if result.valid:
            rows.setdefault((result.scenario, result.load, result.endpoint), set()).add(result.stack)
    if len(run.manifest.experiment.stacks) == 1:
        return bool(rows)
    return any(run.summary.baseline in stacks and len(stacks) > 1 for stacks in rows.values())


def state(run: Run) -> Findings:
    """Everything that a run's numbers say."""
    quoted = quoted_comparison(run)
    return Findings(
        experiment=run.summary.experiment,
        profile=run.manifest.profile,
        baseline=run.summary.baseline,
        started=facts.moment(run.manifest.started_utc),
        has_result=has_result(run),
        ended_early=nothing_is_left(run.blocks),
        headline=headline(run),
        interfaces=INTERFACES,
        bars=headline_bars(run, quoted),
        context=context(run, quoted),
        interval_note=interval_note(run),
        certainty=facts.certainty(run),
        warnings=run.manifest.machine.warnings,
        withheld=facts.withheld(run),
        results=rows.result_grids(run),
        endpoints=rows.endpoint_grids(run),
        comparisons=rows.comparison_grid(run),
        bottlenecks=bottlenecks(run),
        diagnoses=diagnoses(run),
        timelines=stories(run),
        failures=failures(run),
        working_conditions=fairness.fairness_grid(run),
        workers=workers.workers_grid(run),
        mismatches=fairness.mismatches(run),
        stacks=facts.stack_grid(run),
        method=facts.method(run),
        oracle=facts.oracle_grid(run),
        machine=facts.machine(run),
        versions=facts.versions(run),
        about=facts.about(run),
        raw_files=facts.RAW_FILES,
        block_files=facts.block_files(run),
    )


def into_summary(summary: Summary, findings: Findings) -> Summary:
    """The summary with the headline, and with every finding that has evidence."""
    limits = [finding for group in findings.bottlenecks for finding in group.findings]
    stated = (*limits, *findings.diagnoses, *findings.mismatches)
    return msgspec.structs.replace(summary, answer=findings.headline, findings=stated)
