"""Right answers per second."""

from bakeoff.report.drawing.bars import ZERO_BASED, bar_chart

CHART = bar_chart(
    order=10,
    title="Throughput: right answers per second",
    caption=ZERO_BASED,
    column="throughput_rps",
    unit="right answers per second",
)
