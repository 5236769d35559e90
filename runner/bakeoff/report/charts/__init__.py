"""The charts of a report, in the order in which it shows them. Each is drawn from one tidy table."""

from bakeoff.report.charts.bars import CPU, THROUGHPUT
from bakeoff.report.charts.chart import Chart, Material, caption, no_data
from bakeoff.report.charts.percentiles import PERCENTILES
from bakeoff.report.charts.seconds import LATENCY_OVER_TIME, THROUGHPUT_OVER_TIME
from bakeoff.report.charts.timeline import TIMELINE

CHARTS = (THROUGHPUT, PERCENTILES, CPU, THROUGHPUT_OVER_TIME, LATENCY_OVER_TIME, TIMELINE)

__all__ = [
    "CHARTS",
    "CPU",
    "LATENCY_OVER_TIME",
    "PERCENTILES",
    "THROUGHPUT",
    "THROUGHPUT_OVER_TIME",
    "TIMELINE",
    "Chart",
    "Material",
    "caption",
    "no_data",
]
