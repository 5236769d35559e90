"""Records become numbers: metrics, statistics, audit, bounds, estimates and comparisons. Pure."""

from bakeoff.analysis.audit import (
    GENERATOR_BUSY,
    LATENCIES_PER_SLICE,
    accounting,
    all_users_ran,
    enough_for,
    errors,
    reasons_to_withhold,
    sent_on_time,
)
from bakeoff.analysis.bounds import bound, slots, unloaded_latency_s
from bakeoff.analysis.changes import (
    COMPARED,
    Change,
    changes_between,
    check_conditions,
    check_machines,
    conditions_in_common,
)
from bakeoff.analysis.estimates import MIB
from bakeoff.analysis.fingerprint import ABSENT, PARTS, Difference, Fingerprint, Part, differences, fingerprint_of
from bakeoff.analysis.metrics import METRICS, PERCENTILES, RUN_METRICS, MetricDefinition, is_quoted, per_block
from bakeoff.analysis.rows import Row, Totals, rows_of
from bakeoff.analysis.stats import (
    LEVEL,
    excludes_one,
    geometric_mean,
    holm,
    max_t_p,
    permutation_p,
    ratio_estimate,
    same_within,
    studentised_under_signs,
    verdict,
    welch_ratio,
)
from bakeoff.analysis.summary import summarise

__all__ = [
    "ABSENT",
    "COMPARED",
    "GENERATOR_BUSY",
    "LATENCIES_PER_SLICE",
    "LEVEL",
    "METRICS",
    "MIB",
    "PARTS",
    "PERCENTILES",
    "RUN_METRICS",
    "Change",
    "Difference",
    "Fingerprint",
    "MetricDefinition",
    "Part",
    "Row",
    "Totals",
    "accounting",
    "all_users_ran",
    "bound",
    "changes_between",
    "check_conditions",
    "check_machines",
    "conditions_in_common",
    "differences",
    "enough_for",
    "errors",
    "excludes_one",
    "fingerprint_of",
    "geometric_mean",
    "holm",
    "is_quoted",
    "max_t_p",
    "per_block",
    "permutation_p",
    "ratio_estimate",
    "reasons_to_withhold",
    "rows_of",
    "same_within",
    "sent_on_time",
    "slots",
    "studentised_under_signs",
    "summarise",
    "unloaded_latency_s",
    "verdict",
    "welch_ratio",
]
