"""Server CPU time per request."""

from bakeoff.report.drawing.bars import ZERO_BASED, bar_chart

CHART = bar_chart(
    order=70,
    title="CPU time that the server spends on a request",
    caption=ZERO_BASED,
    column="cpu_ms_per_request",
    unit="ms of server CPU per request",
)
