"""The schema of all tables: the name, type, unit and meaning of every column. ``docs/api.md`` shows it.

A table is tidy: one row is one observation, and units are in the columns' names. What was withheld or never measured is
missing, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import pandas as pd

from bakeoff.analysis.metrics import RUN_METRICS
from bakeoff.model import ClosedLoad, Estimate, Load, Run, load_title

Kind = Literal["string", "Int64", "float64", "bool", "datetime64[ns, UTC]"]
"""A pandas type. What is missing is ``<NA>`` in a string or Int64 and ``NaN`` in a float64."""


class Column(NamedTuple):
    """One column of a table."""

    name: str
    kind: Kind
    unit: str
    """Empty for what is not measured."""
    meaning: str


Table = tuple[Column, ...]
Values = dict[str, Any]
"""A row, or a part of one: values by column."""


def frame(rows: Iterable[Values], table: Table) -> pd.DataFrame:
    """Rows as a table of the schema, with its columns and types even where there is no row."""
    return typed(pd.DataFrame(list(rows), columns=[column.name for column in table]), table)


def typed(untyped: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The columns of the schema, in its order and types."""
    return untyped[[column.name for column in table]].astype({column.name: column.kind for column in table})


# --- values of columns that several tables have ----------------------------------------------------------------------


def stack_values(run: Run, stack: str) -> Values:
    """The columns that say which stack a row is about."""
    return {"stack": stack, "interface": run.interface_of(stack)}


def condition_values(scenario: str, load: Load) -> Values:
    """The columns that say under which scenario and load a row was measured."""
    kind, size = ("users", load.users) if isinstance(load, ClosedLoad) else ("rate", load.mean_rate_rps)
    return {"scenario": scenario, "load": load_title(load), "load_kind": kind, "load_size": float(size)}


def estimate_values(name: str, estimate: Estimate | None) -> Values:
    """The three columns of an estimate; missing where there is none."""
    if estimate is None:
        return {}
    return {name: estimate.point, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


# --- columns ---------------------------------------------------------------------------------------------------------


def _text(name: str, meaning: str) -> Column:
    return Column(name, "string", "", meaning)


def _count(name: str, meaning: str) -> Column:
    return Column(name, "Int64", "count", meaning)


def _measure(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "float64", unit, meaning)


def _estimate(name: str, unit: str, meaning: str) -> Table:
    return (
        _measure(name, unit, meaning),
        _measure(f"{name}_low", unit, "lower end of its interval"),
        _measure(f"{name}_high", unit, "upper end of its interval"),
    )


STACK = (_text("stack", "name of the stack"), _text("interface", "`wsgi` or `asgi`"))
CONDITION = (
    _text("scenario", "name of the scenario"),
    _text("load", "the load in words"),
    _text("load_kind", "`users` (closed loop) or `rate` (open loop)"),
    _measure("load_size", "users, or 1/s", "how many users, or arrivals a second (of a load in stages: their mean)"),
)
ENDPOINT = (_text("endpoint", "path of the request; `*`: all together"),)
SLICE = (
    Column("block", "Int64", "", "number of the block, from 0"),
    Column("position", "Int64", "", "number of the slice within its block, from 0"),
)
BLOCK = SLICE[:1]
RATIO = (
    _text("metric", f"{', '.join(f'`{name}`' for name in RUN_METRICS[:-1])} or `{RUN_METRICS[-1]}`"),
    *CONDITION,
    *ENDPOINT,
    _text("baseline", "stack that the candidate is compared with"),
    _text("candidate", "stack that is compared"),
)

RESULTS: Table = (
    *STACK,
    *CONDITION,
    *ENDPOINT,
    _count("requests", "requests offered"),
    _count("errors", "requests without a right answer"),
    *_estimate("throughput_rps", "1/s", "right answers a second"),
    *_estimate("latency_p50_ms", "ms", "median latency"),
    *_estimate("latency_p90_ms", "ms", "90th percentile of the latency"),
    *_estimate("latency_p99_ms", "ms", "99th percentile"),
    *_estimate("latency_p999_ms", "ms", "99.9th percentile"),
    *_estimate("cpu_ms_per_request", "ms", "CPU time of the server per right answer; only where endpoint is `*`"),
    _measure("latency_max_ms", "ms", "longest latency"),
    _text("at_least", "which of `p50`, `p90`, `p99`, `p999` and `max` are lower bounds, separated by `; `"),
    _measure("rss_mib", "MiB", "most memory of the stack's processes together"),
    _measure("reuse_ratio", "share", "requests sent on a connection already open"),
    _measure("bound_rps", "1/s", "most that the operational laws allow; only where endpoint is `*`"),
    _text("bound_by", "what binds: `slots`, `cpu` or `load`"),
    _count("blocks", "blocks behind the throughput"),
    Column("valid", "bool", "", "whether the row passed every check; one that did not has no numbers"),
    _text("withheld", "what is withheld, and why; several reasons are separated by `; `"),
)
COMPARISONS: Table = (
    *RATIO,
    *_estimate("ratio", "ratio", "candidate over baseline"),
    _measure("level", "share", "confidence level of the interval"),
    _count("blocks", "blocks behind the ratio"),
    _measure("p_value", "share", "two-sided sign-flip test over blocks, corrected for all comparisons (max-T)"),
    _text("verdict", "`faster`, `slower`, `same` or `inconclusive`"),
)
BLOCKS: Table = (
    *STACK,
    *CONDITION,
    *ENDPOINT,
    *BLOCK,
    _measure("throughput_rps", "1/s", "right answers a second in this block"),
    _measure("latency_p50_ms", "ms", "median latency in this block"),
    _measure("latency_p90_ms", "ms", "90th percentile"),
    _measure("latency_p99_ms", "ms", "99th percentile"),
    _measure("cpu_ms_per_request", "ms", "CPU time of the server per right answer; only where endpoint is `*`"),
)
RATIOS: Table = (
    *RATIO,
    *BLOCK,
    _measure("ratio", "ratio", "candidate over baseline in this block"),
    _measure("log_ratio", "", "natural logarithm of the ratio: what `bakeoff.analysis.stats` takes"),
)
SLICES: Table = (
    *STACK,
    *CONDITION,
    *SLICE,
    Column("started_utc", "datetime64[ns, UTC]", "UTC", "when the measured window opened"),
    _measure("window_s", "s", "length of the measured window; 0 where the slice failed"),
    _measure("warmup_s", "s", "load before the window"),
    _count("offered", "requests meant to be sent in the window; each has one of the next six outcomes"),
    _count("right", "right answers"),
    _count("wrong", "answers that the scenario's check refused"),
    _count("failed", "requests without an answer: refused, reset, broken off"),
    _count("timed_out", "requests given up after the time limit"),
    _count("dropped", "requests never sent, because no connection came free in time"),
    _count("unfinished", "requests without an answer when the slice was drained"),
    _count("completed", "right answers that came within the window: the basis of throughput"),
    _measure("server_cpu_s", "s", "CPU time of the stack's processes"),
    _measure("server_rss_mib", "MiB", "their memory at the end of the window"),
    _count("server_processes", "their number"),
    _count("server_threads", "their threads together"),
    _measure("idle_cpu_s", "s", "CPU time that the other, idle stacks used meanwhile"),
    _measure("generator_cpu_s", "s", "CPU time of the load generator"),
    _count("connections_opened", "connections that the generator opened"),
    _count("requests_sent", "requests that it sent, those of the warm-up left out"),
    _text("failure", "why the slice has no result"),
)
LATENCIES: Table = (
    *STACK,
    *CONDITION,
    *ENDPOINT,
    _measure("quantile", "share", "share of the requests"),
    _measure("latency_ms", "ms", "latency that this share did not exceed, all blocks merged"),
    Column("at_least", "bool", "", "whether it is only a lower bound, falling among requests without a right answer"),
    _count("requests", "requests in the whole distribution, those without a right answer too"),
)
SECONDS: Table = (
    *STACK,
    *CONDITION,
    *SLICE,
    _measure("measured_s", "s", "how long this stack had been measured at this load when the interval began"),
    _measure("length_s", "s", "length of the interval, about one second"),
    _count("requests", "requests sent in the interval and answered rightly"),
    _count("errors", "requests sent in the interval that got no right answer"),
    _measure("throughput_rps", "1/s", "right answers a second"),
    _measure("latency_p50_ms", "ms", "median latency, of both"),
    Column("latency_p50_at_least", "bool", "", "whether it is only a lower bound"),
    _measure("latency_p99_ms", "ms", "99th percentile, of both"),
    Column("latency_p99_at_least", "bool", "", "whether it is only a lower bound"),
)
TIMELINE: Table = (
    *STACK,
    Column("request", "Int64", "", "number of the request, from 0; all were sent at the same moment"),
    *ENDPOINT,
    Column("step", "Int64", "", "number of the step within its request, from 1"),
    _text("name", "name of the step"),
    _measure("start_ms", "ms", "when it began, since the requests were sent"),
    _measure("end_ms", "ms", "when it ended"),
)

MOMENTS: Table = (
    *STACK,
    *CONDITION,
    _measure("measured_s", "s", "how long this stack had been measured at this load when the moment began"),
    _measure("length_s", "s", "length of the moment: about a second, more in a long run, less at its end"),
    _measure("latency_from_ms", "ms", "lower end of a step of latencies"),
    _measure("latency_to_ms", "ms", "upper end, a tenth of a decade above"),
    _count("requests", "right answers to requests of the moment with such a latency"),
    _measure("share", "share", "their share of the moment's right answers"),
)
"""For the heat map; not public."""

TABLES: Mapping[str, Table] = {
    "results": RESULTS,
    "comparisons": COMPARISONS,
    "blocks": BLOCKS,
    "ratios": RATIOS,
    "slices": SLICES,
    "latencies": LATENCIES,
    "seconds": SECONDS,
    "timeline": TIMELINE,
}
"""Every public table, by its name in `bakeoff.tables.RunFrames`."""
