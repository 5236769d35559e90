"""Every request is in a histogram: with its latency where its answer was right, else with how long it had waited."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.load.recorder import Histograms, SliceLog, SliceSink
from bakeoff.model import Histogram, HistogramKind

OUTCOMES: tuple[Callable[[SliceLog, int, int], None], ...] = (
    lambda log, intended_ns, done_ns: log.record_right(intended_ns, intended_ns, done_ns, 2),
    lambda log, intended_ns, done_ns: log.record_wrong(intended_ns, done_ns, "status 500"),
    lambda log, intended_ns, done_ns: log.record_failure("timeout", intended_ns, done_ns, "no answer in time"),
    lambda log, intended_ns, done_ns: log.record_failure("refused", intended_ns, done_ns, "connection refused"),
    lambda log, intended_ns, done_ns: log.record_unfinished(intended_ns, done_ns),
    lambda log, intended_ns, done_ns: log.record_dropped(intended_ns, done_ns),
)
requests = st.lists(
    st.tuples(st.sampled_from(OUTCOMES), st.integers(0, 3 * 10**9), st.integers(0, 10**10)), max_size=600
)


@given(requests)
def test_histograms_hold_every_request_in_the_second_in_which_it_was_due(
    requests: list[tuple[Callable[[SliceLog, int, int], None], int, int]],
) -> None:
    """As many in each kind as the counts say, and with the times that were recorded."""
    sink = SliceSink()
    log = sink.log_of("GET", "/")
    for record, intended_ns, took_ns in requests:
        log.offered += 1
        record(log, intended_ns, intended_ns + took_ns)
    histograms = Histograms(sink, opened_ns=0)
    for _ in histograms.absorb():
        pass
    parts = {(second, kind): histogram for second, _, kind, histogram in histograms.finished(before_s=5)}
    kinds: tuple[tuple[HistogramKind, bool], ...] = (("latency", True), ("error", False))
    for kind, is_right in kinds:
        for second in range(5):
            took = [
                took_ns
                for record, intended_ns, took_ns in requests
                if (record is OUTCOMES[0]) == is_right and intended_ns // 10**9 == second
            ]
            assert parts.get((second, kind), Histogram.of([])) == Histogram.of(took)
    outcomes = log.counts("/", 0).outcomes
    assert sum(histogram.total for (_, kind), histogram in parts.items() if kind == "error") == outcomes.errors
