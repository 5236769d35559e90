"""What is kept of an experiment, and the page that holds it against what was published. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from benchmarks.reproduce.claims import CLAIMS, EXPERIMENTS, LAW_TOLERANCE, RATIO_TOLERANCE, Claim


class Number(msgspec.Struct, frozen=True):
    """An estimate with its 95 % interval over blocks."""

    point: float
    low: float | None
    high: float | None

    def agrees(self, published: float, tolerance: float) -> bool:
        """Whether the interval meets the published figure, give or take a factor of one plus the tolerance."""
        low, high = self.low or self.point, self.high or self.point
        return low <= published * (1 + tolerance) and high >= published / (1 + tolerance)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A stack in a scenario."""

    stack: str
    scenario: str
    throughput_rps: Number | None
    cpu_ms_per_request: Number | None
    withheld: tuple[str, ...]
    bottleneck: str = ""
    """What limits it, as Bakeoff's own finding says it."""


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """The throughput of one stack over that of another in a scenario."""

    stack: str
    baseline: str
    scenario: str
    ratio: Number


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment: one line of the JSONL file."""

    experiment: str
    started_utc: str
    machine: str
    versions: dict[str, str]
    seconds: float
    load_before: float
    certified: bool
    not_installed: dict[str, str]
    """The package that a stack lacks, by stack."""
    rows: tuple[Row, ...]
    ratios: tuple[Ratio, ...]

    def row(self, stack: str, scenario: str) -> Row | None:
        """A stack in a scenario, if it was measured."""
        return next((row for row in self.rows if (row.stack, row.scenario) == (stack, scenario)), None)


def page(lines: Sequence[Measured]) -> str:
    """Every claim beside what was measured; where an experiment was measured again, the last counts."""
    by_experiment = {line.experiment: line for line in lines}
    parts = [
        _INTRODUCTION,
        _table([claim for claim in CLAIMS if claim.baseline], by_experiment, "## Ratios", "published", "measured"),
        _table(
            [claim for claim in CLAIMS if not claim.baseline],
            by_experiment,
            "## Where waiting sets the throughput",
            "published, requests/s",
            "measured, requests/s",
        ),
        _evidence(by_experiment),
        _conditions(by_experiment),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


_INTRODUCTION = f"""# Published figures, measured again

Measured by `make reproduce`: what others have published, with their settings, on this machine. The apps and
experiments are in `benchmarks/reproduce/`; each line of [reproduced.jsonl](reproduced.jsonl) is one experiment.
Absolute figures depend on the machine; ratios should carry over, as far as the software is the same.

Brackets are 95 % intervals over blocks. A ratio *agrees* when its interval comes within a factor of
{1 + RATIO_TOLERANCE:g} of the published one: versions, machine and client are others. Where waiting alone sets the
throughput, the factor is {1 + LAW_TOLERANCE:g}, and a published figure above the law cannot be one of answers that
waited. Where a figure does not agree, the CPU time of a request and what limits each stack say why."""


def _table(
    claims: Sequence[Claim], by_experiment: Mapping[str, Measured], title: str, published: str, measured: str
) -> str:
    has_law = any(claim.law_rps for claim in claims)
    heads = ["", "settings", "source", published, *(["law"] if has_law else []), measured, "verdict"]
    right = ["---", "---", "---", "---:", *(["---:"] if has_law else []), "---:", "---"]
    lines = [title, "", f"| {' | '.join(heads)} |", f"| {' | '.join(right)} |"]
    for claim in claims:
        number, verdict = judged(claim, by_experiment.get(claim.experiment))
        cells = [
            claim.what,
            claim.settings,
            claim.source,
            _figure(claim.published),
            *([_figure(claim.law_rps or 0.0)] if has_law else []),
            _with_interval(number),
            verdict,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def judged(claim: Claim, measured: Measured | None) -> tuple[Number | None, str]:
    """What was measured of a claim, if anything, and whether it agrees or why there is no figure."""
    if measured is None:
        return None, "not measured yet"
    stacks = [claim.stack, *([claim.baseline] if claim.baseline else [])]
    for stack in stacks:
        if stack in measured.not_installed:
            return None, f"not measured: {measured.not_installed[stack]} is not installed"
    number = _number(claim, measured)
    if number is None:
        rows = [row for stack in stacks if (row := measured.row(stack, claim.scenario))]
        reasons = [f"{row.stack}: {reason}" for row in rows if row.throughput_rps is None for reason in row.withheld]
        return None, "withheld: " + "; ".join(reasons) if reasons else "not compared"
    return number, "agrees" if number.agrees(claim.published, claim.tolerance) else "**differs**, see below"


def _number(claim: Claim, measured: Measured) -> Number | None:
    if claim.baseline is None:
        row = measured.row(claim.stack, claim.scenario)
        return row.throughput_rps if row else None
    wanted = claim.stack, claim.baseline, claim.scenario
    ratios = [ratio.ratio for ratio in measured.ratios if (ratio.stack, ratio.baseline, ratio.scenario) == wanted]
    return ratios[0] if ratios else None


def _evidence(by_experiment: Mapping[str, Measured]) -> str:
    """Of each claim that does not agree: CPU time and bottleneck of its stacks, then and now."""
    paragraphs = []
    for claim in CLAIMS:
        measured = by_experiment.get(claim.experiment)
        number, _ = judged(claim, measured)
        if measured is None or number is None or number.agrees(claim.published, claim.tolerance):
            continue
        stacks = [claim.stack, *([claim.baseline] if claim.baseline else [])]
        rows = [row for stack in stacks if (row := measured.row(stack, claim.scenario))]
        lines = [f"**{claim.what}**: published {_figure(claim.published)}, measured {_with_interval(number)}.", ""]
        lines += [f"- {row.stack}: {_row_words(row)}" for row in rows]
        costs = [row.cpu_ms_per_request.point for row in rows if row.cpu_ms_per_request]
        if len(costs) == 2:
            lines.append(f"- By CPU time per request alone, the ratio would be {_figure(costs[1] / costs[0])}.")
        if claim.then:
            lines.append(f"- Published with: {claim.then}.")
        paragraphs.append("\n".join(lines))
    return "\n\n".join(["## Where they differ", *paragraphs]) if paragraphs else ""


def _row_words(row: Row) -> str:
    throughput = f"{_with_interval(row.throughput_rps)} requests/s" if row.throughput_rps else "no throughput"
    cost = f", {_with_interval(row.cpu_ms_per_request)} ms of CPU time a request" if row.cpu_ms_per_request else ""
    return f"{throughput}{cost}. {row.bottleneck}".strip()


def _conditions(by_experiment: Mapping[str, Measured]) -> str:
    lines = [
        "## Conditions",
        "",
        "| experiment | started (UTC) | machine | versions | took | load average before | generator |",
        "| --- | --- | --- | --- | ---: | ---: | --- |",
    ]
    for name in EXPERIMENTS:
        if measured := by_experiment.get(name):
            cells = [
                name,
                measured.started_utc,
                measured.machine,
                ", ".join(f"{package} {version}" for package, version in sorted(measured.versions.items())),
                f"{measured.seconds:.0f} s",
                f"{measured.load_before:.1f}",
                "certified" if measured.certified else "**not certified**",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) if len(lines) > 4 else ""


def _with_interval(number: Number | None) -> str:
    if number is None:
        return ""
    if number.low is None or number.high is None:
        return _figure(number.point)
    return f"{_figure(number.point)} [{_figure(number.low)}, {_figure(number.high)}]"


def _figure(value: float) -> str:
    """Three digits, or whole requests."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
