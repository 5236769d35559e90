"""The charts of a report: each file of this folder is one.

To add a chart, add a file named after it that defines ``CHART``; nothing else has to know. Its name, with hyphens, is
that of the picture: ``cpu_per_request.py`` draws ``figures/cpu-per-request.png``. A chart draws the tables of
`ChartData` and computes nothing; what several of them draw with is in `bakeoff.report.drawing`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import cast

from bakeoff.report.drawing.chart import Chart

__all__ = ["charts"]


@cache
def charts() -> dict[str, Chart]:
    """Every chart by its name, in the order in which a report shows them."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    named = {module.__name__.rpartition(".")[2].replace("_", "-"): cast(Chart, module.CHART) for module in modules}
    return dict(sorted(named.items(), key=lambda pair: pair[1].order))
