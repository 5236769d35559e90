"""How large a change must be to be detected: measured with whole gates, and simulated with the decision alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bakeoff.report.drawing import sheet
from bakeoff.report.drawing.palette import COOL, INK, WARM
from bakeoff.report.drawing.sheet import Layout
from benchmarks.gate.accuracy import UNCHANGED, Run
from benchmarks.gate.simulation import CPU, SPREADS, Blocks, verdicts
from benchmarks.lines import proportion_interval

SIMULATED = 200
"""Gates for each point of the curve."""
SIZES = np.append(np.arange(0.0, 0.0301, 0.0025), 0.06)
"""Simulated relative changes."""
NOISIER = 1.5
"""Factor on the measured spread of a block, for the curve of a noisier machine."""


def block_spread(runs: Sequence[Run]) -> float:
    """The standard deviation of one block's effect on CPU per request, from the scatter of A/A estimates."""
    same = [run for run in runs if run.case.change == UNCHANGED and "cpu_per_request" in run.changes]
    return float(np.sqrt(np.mean([run.blocks * np.log1p(run.changes["cpu_per_request"]) ** 2 for run in same])))


def share_detected(size: float, spread: float) -> float:
    """The share of simulated gates that detect a change of CPU per request; other metrics do not change."""
    counted = verdicts(SIMULATED, Blocks({CPU: float(np.log1p(size))}, spreads={**SPREADS, CPU: spread}))
    return counted["regression"] / SIMULATED


def picture(runs: Sequence[Run]) -> bytes:
    """A PNG: the share of gates that detect an injected change, by its size, with Clopper and Pearson's intervals."""
    quiet = [run for run in runs if run.case.neighbour == "quiet"]
    spread = block_spread(quiet)
    drawn = sheet.new_sheet(Layout(subplot_height=3.0))
    sheet.write_title(drawn.figure, "How small a change the gate detects", _caption())
    axes = drawn.subplots[0][0]
    for factor, dash in ((1.0, "-"), (NOISIER, "--")):
        shares = [share_detected(float(size), factor * spread) for size in SIZES]
        label = f"simulated, {factor * spread:.1%} a block"
        axes.plot(100 * SIZES, shares, dash, color=COOL[0], linewidth=1.6, label=label)
    for size, low, share, high in _measured(quiet):
        axes.errorbar(100 * size, share, yerr=[[share - low], [high - share]], fmt="o", color=WARM[0], capsize=3)
    axes.errorbar([], [], yerr=[], fmt="o", color=WARM[0], label="measured")
    axes.legend(loc="lower center", frameon=False, labelcolor=INK)
    axes.set_ylim(0, 1.02)
    axes.set_xlim(-0.2, 100 * SIZES[-1])
    sheet.label_axes(axes, x="injected, % of CPU time per request", y="share of gates that say regression")
    return sheet.as_png(drawn.figure)


def _caption() -> str:
    return "Dots: whole gates on a quiet machine. Lines: the same decision on simulated blocks. Limit 2 %, floor 0.5 %."


def _measured(runs: Sequence[Run]) -> list[tuple[float, float, float, float]]:
    """For each size: the size, and the lower end, point and upper end of the share that was detected."""
    sizes = {UNCHANGED: 0.0} | {f"cpu {amount}": amount / 100 for amount in (1, 2, 3, 5)}
    points = []
    for change, size in sizes.items():
        of_change = [run for run in runs if run.case.change == change]
        if of_change:
            detected = sum(run.verdict == "regression" for run in of_change)
            low, high = proportion_interval(detected, len(of_change))
            points.append((size, low, detected / len(of_change), high))
    return points
