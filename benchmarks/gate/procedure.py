"""How often the whole gate errs, simulated: thousands of gates, decided by the gate's own code, from drawn blocks.

Writes ``docs/gate-procedure.jsonl``, a line for each case, and ``docs/gate-procedure.md``. About ten minutes. Cases
that the file has are not simulated again: delete it after a change of the gate.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from bakeoff.gate.bounds import ALPHA_PASS, ALPHA_SUSPECT
from bakeoff.gate.decision import ALPHA_CONFIRM
from bakeoff.gate.effects import Effects, MetricKey
from bakeoff.gate.errors import ALPHA_ERRORS
from bakeoff.model import default_tolerances
from benchmarks.gate.simulation import CPU, MEDIAN, MEMORY, SPREADS, TAIL, Blocks, Failures, gates, heavy_tailed
from benchmarks.lines import add_line, proportion_interval, read_lines

DOCS = Path(__file__).parents[2] / "docs"
LINES, PAGE = DOCS / "gate-procedure.jsonl", DOCS / "gate-procedure.md"

JUDGED: Mapping[MetricKey, float] = {**SPREADS, MetricKey("latency_p90"): 0.04}
"""All metrics that may be a regression, with the spread of a block's effect."""
WITH_ENDPOINTS: Mapping[MetricKey, float] = {
    **JUDGED,
    **{
        MetricKey(key.metric, endpoint): 1.5 * spread
        for key, spread in JUDGED.items()
        if key.metric.startswith("latency")
        for endpoint in ("/", "/cake", "/order")
    },
}


def at(bound: Literal["floor", "limit"], keys: Sequence[MetricKey] | Mapping[MetricKey, float]) -> Effects:
    """The effects of a head that is as much slower as a floor or a limit allows, in some metrics."""
    tolerances = default_tolerances()
    return {key: float(np.log1p(getattr(tolerances[key.metric], bound))) for key in keys}


def noisier(factor: float, spreads: Mapping[MetricKey, float] = JUDGED) -> Mapping[MetricKey, float]:
    """Metrics that vary more from block to block."""
    return {key: factor * spread for key, spread in spreads.items()}


def skewed(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Mostly a little above zero, sometimes far below: the base was disturbed, and the head was not."""
    return 1 - rng.standard_exponential(shape)


def one_per_cent_noise() -> Mapping[MetricKey, float]:
    """A block's effect on CPU time varies by 1 %."""
    return {**JUDGED, CPU: 0.01}


MAX_FALSE_REGRESSIONS = 2 * ALPHA_CONFIRM * ALPHA_SUSPECT + ALPHA_ERRORS
"""Of the whole gate, where no effect is above its floor and errors are as likely on both sides: see `gate.decision`."""
MAX_FALSE_PASSES = ALPHA_PASS
"""Of the whole gate, where a required metric is at its limit."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Gates of one kind."""

    name: str
    blocks: Blocks
    budget_s: float = 120.0


RARE = Failures(share=0.002)
BURSTS = Failures(share=0.002, burst=8)
LONG_BURSTS = Failures(share=0.001, burst=30)

UNCHANGED = (
    Case(name="no change", blocks=Blocks(spreads=JUDGED)),
    Case(name="no change, CPU varies by 1 % a block", blocks=Blocks(spreads=one_per_cent_noise())),
    Case(name="no change, 14 metrics", blocks=Blocks(spreads=WITH_ENDPOINTS, correlation=0.5)),
)
AT_THE_FLOOR = (
    Case(name="all metrics", blocks=Blocks(at("floor", JUDGED), JUDGED)),
    Case(name="all, 5 times the noise", blocks=Blocks(at("floor", JUDGED), noisier(5))),
    Case(
        name="all, 5 times the noise, correlation 0.8", blocks=Blocks(at("floor", JUDGED), noisier(5), correlation=0.8)
    ),
    Case(name="all, 5 times the noise, heavy tails", blocks=Blocks(at("floor", JUDGED), noisier(5), heavy_tailed)),
    Case(
        name="14 metrics, 5 times the noise",
        blocks=Blocks(at("floor", WITH_ENDPOINTS), noisier(5, WITH_ENDPOINTS), correlation=0.5),
    ),
    Case(name="all, 5 times the noise, 80 s", blocks=Blocks(at("floor", JUDGED), noisier(5)), budget_s=80.0),
    Case(name="all, 10 times the noise, 300 s", blocks=Blocks(at("floor", JUDGED), noisier(10)), budget_s=300.0),
    Case(name="no change, 0.2 % of requests fail on both sides", blocks=Blocks(spreads=JUDGED, base=RARE, head=RARE)),
    Case(name="the same, failing 8 at a time", blocks=Blocks(spreads=JUDGED, base=BURSTS, head=BURSTS)),
    Case(name="0.1 % fail, 30 at a time", blocks=Blocks(spreads=JUDGED, base=LONG_BURSTS, head=LONG_BURSTS)),
    Case(
        name="all, 5 times the noise, and 0.2 % fail, 8 at a time",
        blocks=Blocks(at("floor", JUDGED), noisier(5), base=BURSTS, head=BURSTS),
    ),
)
AT_THE_LIMIT = (
    Case(name="CPU time", blocks=Blocks(at("limit", [CPU]), JUDGED)),
    Case(name="CPU time, 5 times the noise", blocks=Blocks(at("limit", [CPU]), noisier(5))),
    Case(name="CPU time, 5 times the noise, heavy tails", blocks=Blocks(at("limit", [CPU]), noisier(5), heavy_tailed)),
    Case(name="CPU time, 5 times the noise, 80 s", blocks=Blocks(at("limit", [CPU]), noisier(5)), budget_s=80.0),
    Case(name="median latency, 5 times the noise", blocks=Blocks(at("limit", [MEDIAN]), noisier(5))),
    Case(
        name="both, 3 times the noise, correlation 0.8",
        blocks=Blocks(at("limit", [CPU, MEDIAN]), noisier(3), correlation=0.8),
    ),
)
DOUBTFUL = (
    Case(
        name="at the floor, 5 times the noise, each block like the one before (0.3)",
        blocks=Blocks(at("floor", JUDGED), noisier(5), persistence=0.3),
    ),
    Case(
        name="at the floor, 5 times the noise, skewed against the head",
        blocks=Blocks(at("floor", JUDGED), noisier(5), skewed),
    ),
    Case(
        name="at the floor, but 30 % slower in the first six blocks, 300 s",
        blocks=Blocks(at("floor", JUDGED), JUDGED, slow_start=0.3),
        budget_s=300.0,
    ),
)
CHANGED = (
    Case(name="CPU time +2 %", blocks=Blocks(at("limit", [CPU]), JUDGED)),
    Case(name="CPU time +2 %, varies by 1 % a block", blocks=Blocks(at("limit", [CPU]), one_per_cent_noise())),
    Case(name="median latency +3 %", blocks=Blocks(at("limit", [MEDIAN]), JUDGED)),
    Case(name="memory +10 %", blocks=Blocks(at("limit", [MEMORY]), JUDGED)),
    Case(name="p99 +100 %", blocks=Blocks({TAIL: float(np.log(2))}, JUDGED)),
    Case(name="head fails 1 request in 150", blocks=Blocks(spreads=JUDGED, head=Failures(share=1 / 150))),
    Case(name="head fails 1 request in 1,500", blocks=Blocks(spreads=JUDGED, head=Failures(share=1 / 1500))),
    Case(name="head fails 1 request in 3,000", blocks=Blocks(spreads=JUDGED, head=Failures(share=1 / 3000))),
    Case(name="head fails 1 request in 1,000, 20 at a time", blocks=Blocks(spreads=JUDGED, head=Failures(0.001, 20))),
)


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """How the gates of a case ended: a line of the JSONL file."""

    name: str
    gates: int
    passes: int
    regressions: int
    undecided: int
    suspected: int
    """Gates in which a metric was suspected at least once."""
    unconfirmed: int
    """Gates in which fresh blocks failed to confirm a suspicion at least once."""
    mean_blocks: float


def rates(case: Case, runs: int) -> Rates:
    """Simulate gates of a case. The same case and number give the same rates."""
    ended = list(gates(runs, case.blocks, zlib.crc32(case.name.encode()), case.budget_s))
    verdicts = [state.verdict for state in ended]
    return Rates(
        name=case.name,
        gates=runs,
        passes=verdicts.count("pass"),
        regressions=verdicts.count("regression"),
        undecided=verdicts.count("inconclusive"),
        suspected=sum(state.suspicion is not None or state.rejections > 0 for state in ended),
        unconfirmed=sum(state.rejections > 0 for state in ended),
        mean_blocks=float(np.mean([len(state.blocks) for state in ended])),
    )


def page(sections: Mapping[str, Sequence[Rates]]) -> str:
    """The whole page: a table for each section."""
    return "\n\n".join([_INTRODUCTION, *(_section(title, rows) for title, rows in sections.items())]) + "\n"


_INTRODUCTION = """# How often the gate errs, simulated

Written by `make simulate-gate`. The gate's own code decides whole gates, from the first block to the verdict, with all
looks, suspicions, retries and budget ends, on blocks that are drawn at random: 120 s of blocks of 5 s, the default
tolerances, the five metrics that can be a regression, 5,000 requests on each side. A block's effect on CPU time varies
by 0.75 %, on the median by 1.1 %, on p90 by 4 %, on p99 by 15 %, on memory by 0.3 %, or by as many times more as is
said; blocks and metrics are independent and normal unless it is said. *Suspected* counts gates in which a metric was
suspected, *not confirmed* those in which fresh blocks failed to confirm a suspicion, and *blocks* is their mean number.
Intervals are Clopper and Pearson's, 95 %. The counts are in [gate-procedure.jsonl](gate-procedure.jsonl). What the
bounds rest on is in [How Bakeoff measures](method.md#the-gate)."""


def _section(title: str, rows: Sequence[Rates]) -> str:
    lines = [
        f"## {title}",
        "",
        "| case | gates | regression | pass | undecided | suspected | not confirmed | blocks |",
        "| --- | ---: | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        others = (f"{count / row.gates:.1%}" for count in (row.undecided, row.suspected, row.unconfirmed))
        cells = [row.name, f"{row.gates:,}", _share(row.regressions, row.gates), _share(row.passes, row.gates), *others]
        lines.append(f"| {' | '.join(cells)} | {row.mean_blocks:.1f} |")
    return "\n".join(lines)


def _share(count: int, of: int) -> str:
    low, high = proportion_interval(count, of)
    return f"{count / of:.2%} [{low:.2%}, {high:.2%}]"


SECTIONS = {
    f"At the floor: at most {MAX_FALSE_REGRESSIONS:.1%} regressions": AT_THE_FLOOR,
    f"At the limit: at most {MAX_FALSE_PASSES:.1%} passes": AT_THE_LIMIT,
    "Unchanged code": UNCHANGED,
    "What is found": CHANGED,
    "Blocks that break the assumptions": DOUBTFUL,
}


def main() -> None:
    """Simulate the cases that are not yet in the file, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, default=1000, help="of each case (1000)")
    options = parser.parse_args()
    known = {row.name: row for row in read_lines(LINES, Rates)}
    for case in (case for cases in SECTIONS.values() for case in cases if case.name not in known):
        known[case.name] = rates(case, options.gates)
        add_line(LINES, known[case.name])
        print(known[case.name], flush=True)
    PAGE.write_text(page({title: [known[case.name] for case in cases] for title, cases in SECTIONS.items()}), "utf-8")


if __name__ == "__main__":
    main()
