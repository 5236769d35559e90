"""Resident memory of all processes of a stack."""

from bakeoff.report.drawing.bars import bar_chart

CHART = bar_chart(
    order=80,
    title="Memory that the server holds while it serves",
    caption="Resident, the most that was seen in any slice. Pages that processes share count once for each.",
    column="rss_mib",
    unit="MiB, all processes together",
)
