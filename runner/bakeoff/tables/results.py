"""The tables of the analysis: one row a result, one row a comparison."""

from __future__ import annotations

import pandas as pd

from bakeoff.analysis.metrics import METRICS, RUN_METRICS
from bakeoff.model import Comparison, Result, Run
from bakeoff.tables.schema import COMPARISONS, RESULTS, Values, condition_values, estimate_values, frame


def results_table(run: Run) -> pd.DataFrame:
    """One row per stack, scenario, load and endpoint. A row that is not valid has no numbers."""
    return frame((_result_values(result) for result in run.summary.results), RESULTS)


def _result_values(result: Result) -> Values:
    values = {
        "stack": result.stack,
        "interface": result.interface,
        **condition_values(result.scenario, result.load),
        "endpoint": result.endpoint,
        "requests": result.requests,
        "errors": result.errors,
        "valid": result.valid,
        "withheld": "; ".join(result.withheld),
    }
    return values | _numbers(result) if result.valid else values


def _numbers(result: Result) -> Values:
    values: Values = {
        **estimate_values("latency_p999_ms", result.latency_ms.p999),
        "latency_max_ms": result.latency_ms.max,
        "at_least": "; ".join(result.latency_ms.at_least),
        "rss_mib": result.rss_mib,
        "reuse_ratio": result.reuse_ratio,
        "bound_rps": result.bound.rps if result.bound else None,
        "bound_by": result.bound.by if result.bound else None,
        "blocks": result.throughput_rps.n if result.throughput_rps else None,
    }
    for metric in RUN_METRICS:
        values |= estimate_values(METRICS[metric].column, METRICS[metric].of_result(result))
    return values


def comparisons_table(run: Run) -> pd.DataFrame:
    """One row per candidate, metric, scenario, load and endpoint."""
    return frame((_comparison_values(comparison) for comparison in run.summary.comparisons), COMPARISONS)


def _comparison_values(comparison: Comparison) -> Values:
    return {
        "metric": comparison.metric,
        **condition_values(comparison.scenario, comparison.load),
        "endpoint": comparison.endpoint,
        "baseline": comparison.baseline,
        "candidate": comparison.candidate,
        **estimate_values("ratio", comparison.ratio),
        "level": comparison.ratio.level,
        "blocks": comparison.ratio.n,
        "p_value": comparison.p_value,
        "verdict": comparison.verdict,
    }
