"""Measures what others have published, with their settings.

Run by ``make reproduce``. Each experiment adds a line to ``docs/reproduced.jsonl``; one that is there already is not
measured again, unless its load generator was not certified or ``--again`` names it. ``docs/reproduced.md`` is then made
from all lines, of which the last of each experiment counts.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from bakeoff.experiment import read_experiment
from bakeoff.model import ALL_ENDPOINTS, Estimate, Experiment, Profile, Result, Summary
from bakeoff.stacks import servers
from benchmarks.lines import add_line, read_lines
from benchmarks.reproduce.claims import CLAIMS, EXPERIMENTS
from benchmarks.reproduce.measured import Measured, Number, Ratio, Row, page
from benchmarks.whole_runs import WholeRun, analysed, measure

ROOT = Path(__file__).parents[2]
LINES = ROOT / "docs" / "reproduced.jsonl"
PAGE = ROOT / "docs" / "reproduced.md"
VERSIONS = (
    "fastapi",
    "flask",
    "gevent",
    "granian",
    "gunicorn",
    "h11",
    "httptools",
    "hypercorn",
    "pyuwsgi",
    "starlette",
    "uvicorn",
    "uvloop",
)
"""Packages whose versions are recorded where they are installed."""


def config(name: str) -> Path:
    """The file of an experiment."""
    return Path(__file__).with_name(f"{name}.toml")


def installed_version(package: str) -> str | None:
    """The version of a package, or ``None`` where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def not_installed(experiment: Experiment) -> dict[str, str]:
    """The package of the server that a stack lacks, by stack."""
    packages = {stack.name: servers.adapter(stack.server).PACKAGE for stack in experiment.stacks if stack.server}
    return {name: package for name, package in packages.items() if installed_version(package) is None}


def measured(name: str, profile: Profile, seed: int) -> Measured:
    """Run an experiment with the stacks whose servers are installed."""
    experiment = read_experiment(config(name))
    missing = not_installed(experiment)
    stacks = [stack.name for stack in experiment.stacks if stack.name not in missing]
    with tempfile.TemporaryDirectory() as scratch:
        return recorded(name, measure(config(name), Path(scratch), profile=profile, seed=seed, stacks=stacks), missing)


def recorded(name: str, whole: WholeRun, missing: Mapping[str, str]) -> Measured:
    """What is kept of an experiment."""
    manifest, summary = whole.run.manifest, whole.run.summary
    machine = manifest.machine
    return Measured(
        experiment=name,
        started_utc=manifest.started_utc,
        machine=f"{machine.cpu_model}, {machine.cores} cores, Python {machine.python}",
        versions={package: version for package in VERSIONS if (version := installed_version(package))},
        seconds=round(whole.seconds, 1),
        load_before=round(whole.load_before, 2),
        certified=summary.generator.certified,
        not_installed=dict(missing),
        rows=tuple(_row(result, summary) for result in summary.results if result.endpoint == ALL_ENDPOINTS),
        ratios=tuple(
            Ratio(
                stack=comparison.candidate,
                baseline=comparison.baseline,
                scenario=comparison.scenario,
                ratio=_number(comparison.ratio),
            )
            for claim in CLAIMS
            if claim.experiment == name and claim.baseline and not {claim.stack, claim.baseline} & missing.keys()
            for comparison in analysed(whole.run, claim.baseline, [claim.stack]).comparisons
            if (comparison.scenario, comparison.endpoint) == (claim.scenario, ALL_ENDPOINTS)
            and comparison.metric == "throughput"
        ),
    )


def _row(result: Result, summary: Summary) -> Row:
    bottlenecks = [
        finding.text
        for finding in summary.findings
        if finding.kind == "bottleneck" and (finding.stack, finding.scenario) == (result.stack, result.scenario)
    ]
    return Row(
        stack=result.stack,
        scenario=result.scenario,
        throughput_rps=_number(result.throughput_rps) if result.throughput_rps else None,
        cpu_ms_per_request=_number(result.cpu_ms_per_request) if result.cpu_ms_per_request else None,
        withheld=result.withheld,
        bottleneck=" ".join(bottlenecks),
    )


def _number(estimate: Estimate) -> Number:
    return Number(estimate.point, estimate.low, estimate.high)


def main() -> None:
    """Measure what is not measured yet, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--again", action="append", default=[], choices=EXPERIMENTS, help="even if it is stored; repeatable"
    )
    parser.add_argument("--only", action="append", default=[], choices=EXPERIMENTS, help="no others; repeatable")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", choices=("smoke", "quick", "full"), default="full")
    parser.add_argument("--lines", type=Path, default=LINES, help="where raw lines are kept (default: %(default)s)")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page (default: %(default)s)")
    options = parser.parse_args()
    lines = read_lines(options.lines, Measured)
    last = {line.experiment: line for line in lines}
    done = {name for name, line in last.items() if line.certified} - set(options.again)
    for name in EXPERIMENTS:
        if name not in done and (not options.only or name in options.only):
            line = measured(name, options.profile, options.seed)
            add_line(options.lines, line)
            lines.append(line)
            print(f"{name}: {line.seconds:.0f} s", flush=True)
    options.page.write_text(page(lines), "utf-8")


if __name__ == "__main__":
    main()
