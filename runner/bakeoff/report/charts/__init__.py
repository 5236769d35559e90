"""The charts of a report, in the order in which it shows them. Each is drawn from one tidy table."""

from bakeoff.report.charts.bars import BOUND, CPU, MEMORY, THROUGHPUT
from bakeoff.report.charts.chart import Chart, Material, caption, no_data
from bakeoff.report.charts.heat import LATENCY_OVER_TIME
from bakeoff.report.charts.loads import LOADS
from bakeoff.report.charts.percentiles import PERCENTILES
from bakeoff.report.charts.seconds import THROUGHPUT_OVER_TIME
from bakeoff.report.charts.timeline import TIMELINE

CHARTS = (THROUGHPUT, LOADS, BOUND, PERCENTILES, LATENCY_OVER_TIME, THROUGHPUT_OVER_TIME, CPU, MEMORY, TIMELINE)

__all__ = [
    "BOUND",
    "CHARTS",
    "CPU",
    "LATENCY_OVER_TIME",
    "LOADS",
    "MEMORY",
    "PERCENTILES",
    "THROUGHPUT",
    "THROUGHPUT_OVER_TIME",
    "TIMELINE",
    "Chart",
    "Material",
    "caption",
    "no_data",
]
