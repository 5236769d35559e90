"""Right answers per second, and the most that slots, the CPU or the load allow."""

from bakeoff.report.drawing.bars import bar_chart

CHART = bar_chart(
    order=30,
    title="Throughput against what the operational laws allow",
    caption="Bar: measured. Upright mark: the bound, and what sets it: slots, the CPU, or the load itself.",
    column="throughput_rps",
    unit="right answers per second",
    bound="bound_rps",
)
