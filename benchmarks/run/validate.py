"""How often is a run wrong? Many whole runs of stacks that are identical, and of two that are not.

Run by ``make validate-run``. Each run adds a line to ``docs/run-accuracy.jsonl``, so that the validation can be stopped
and resumed at any time. When the time is spent, ``docs/run-accuracy.md`` is made from all lines.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from bakeoff.analysis import METRICS, RUN_METRICS
from bakeoff.model import Profile, Summary, load_title
from benchmarks.lines import add_line, read_lines
from benchmarks.run.accuracy import COPY, Analysis, Compared, Estimated, Run, Withheld, page
from benchmarks.whole_runs import WholeRun, analysed, measure

ROOT = Path(__file__).parents[2]
RUNS = ROOT / "docs" / "run-accuracy.jsonl"
PAGE = ROOT / "docs" / "run-accuracy.md"
CONFIG = Path(__file__).with_name("accuracy.toml")
STACKS = ("flask", "fastapi")
ANALYSED = (
    *((stack, stack + COPY) for stack in STACKS),
    ("flask", "flask" + COPY, "fastapi", "fastapi" + COPY),
)
"""The sets of stacks that every run is analysed as, each with its baseline first."""
SECONDS = 110.0
"""How long the first run is expected to take."""


def one_run(seed: int, profile: Profile) -> Run:
    """Measure a run and analyse it."""
    with tempfile.TemporaryDirectory() as scratch:
        return recorded(measure(CONFIG, Path(scratch), profile=profile, seed=seed))


def recorded(whole: WholeRun) -> Run:
    """What is kept of a run."""
    manifest, summary = whole.run.manifest, whole.run.summary
    return Run(
        seed=manifest.seed,
        started_utc=manifest.started_utc,
        machine=f"{manifest.machine.cpu_model}, {manifest.machine.cores} cores, Python {manifest.machine.python}",
        seconds=round(whole.seconds, 1),
        load_before=round(whole.load_before, 2),
        stolen_share=None if whole.stolen_share is None else round(whole.stolen_share, 5),
        certified=summary.generator.certified,
        certificate_reasons=summary.generator.reasons,
        analyses=tuple(
            Analysis(stacks=stacks, compared=compared(analysed(whole.run, stacks[0], stacks[1:])))
            for stacks in ANALYSED
        ),
        estimated=estimated(summary),
        withheld=tuple(
            Withheld(load_title(row.load), row.endpoint, row.stack, not row.valid, row.withheld)
            for row in summary.results
            if row.withheld
        ),
        failures=tuple(f"{failure.stage}: {failure.message}" for failure in summary.failures),
    )


def compared(summary: Summary) -> tuple[Compared, ...]:
    """The comparisons of an analysis, with five digits."""
    return tuple(
        Compared(
            load=load_title(comparison.load),
            endpoint=comparison.endpoint,
            metric=comparison.metric,
            candidate=comparison.candidate,
            baseline=comparison.baseline,
            ratio=_short(comparison.ratio.point) or 0.0,
            low=_short(comparison.ratio.low),
            high=_short(comparison.ratio.high),
            p_value=round(comparison.p_value, 5),
            verdict=comparison.verdict,
            headline=comparison.headline,
        )
        for comparison in summary.comparisons
    )


def estimated(summary: Summary) -> tuple[Estimated, ...]:
    """Each stack's own numbers, with five digits."""
    return tuple(
        Estimated(
            load=load_title(row.load),
            endpoint=row.endpoint,
            metric=metric,
            stack=row.stack,
            point=_short(estimate.point) or 0.0,
            low=_short(estimate.low),
            high=_short(estimate.high),
        )
        for row in summary.results
        for metric in RUN_METRICS
        if (estimate := METRICS[metric].of_result(row)) is not None
    )


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def main() -> None:
    """Add runs until the time is spent or there are enough, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="begin no run that would end later")
    parser.add_argument("--runs", type=int, help="stop when so many runs are stored")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the others count on")
    parser.add_argument("--profile", choices=("smoke", "quick", "full"), default="quick")
    parser.add_argument("--lines", type=Path, default=RUNS, help="where raw lines are kept (default: %(default)s)")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page (default: %(default)s)")
    options = parser.parse_args()
    end_s = time.monotonic() + 60 * options.minutes
    runs = read_lines(options.lines, Run)
    expected_s = runs[-1].seconds if runs else SECONDS
    while time.monotonic() + expected_s <= end_s and (options.runs is None or len(runs) < options.runs):
        run = one_run(options.seed + len(runs), options.profile)
        add_line(options.lines, run)
        runs.append(run)
        expected_s = run.seconds
        print(f"run {len(runs)}: {run.seconds:.0f} s, {len(run.withheld)} rows with withheld numbers", flush=True)
    options.page.write_text(page(runs), "utf-8")


if __name__ == "__main__":
    main()
