"""The analysis of a whole run: rows, then their results, then the comparisons between them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bakeoff.analysis.audit import reasons_to_withhold
from bakeoff.analysis.comparisons import comparisons_of
from bakeoff.analysis.estimates import result_of
from bakeoff.analysis.rows import rows_of
from bakeoff.model import ALL_ENDPOINTS, BlockResult, Certificate, Interval, Manifest, Summary


def summarise(
    manifest: Manifest, blocks: Sequence[BlockResult], intervals: Iterable[Interval], certificate: Certificate
) -> Summary:
    """What is concluded from the blocks of a run, and from what is known of its load generator."""
    experiment = manifest.experiment
    rows = rows_of(experiment, blocks, intervals)
    whole = {row.key: row for row in rows if row.endpoint == ALL_ENDPOINTS}
    results = [
        result_of(row, reasons_to_withhold(row, whole[row.key_of_all_endpoints], certificate), manifest.server_cores)
        for row in rows
    ]
    return Summary(
        run_id=manifest.run_id,
        experiment=experiment.name,
        profile=manifest.profile,
        baseline=experiment.baseline,
        results=tuple(results),
        comparisons=tuple(comparisons_of(experiment, rows, results, manifest.seed)),
        generator=certificate,
        timeline=manifest.timelines,
        failures=tuple(record.failure for block in blocks for record in block.records if record.failure),
    )
