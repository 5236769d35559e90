"""Random behaviours."""

from __future__ import annotations

from hypothesis import strategies as st

from bakeoff.calibration.oracle import Behaviour, Bimodal, Fixed, Lognormal, Stall

delays_s = st.floats(0.0, 2.0)
delays = st.one_of(
    st.builds(Fixed, delay_s=delays_s),
    st.builds(Lognormal, median_s=delays_s, sigma=st.floats(0.0, 2.0)),
    st.builds(Bimodal, fast_s=delays_s, slow_s=delays_s, slow_share=st.floats(0.0, 1.0)),
)
stalls = st.builds(
    lambda every_s, share, offset_s: Stall(every_s=every_s, length_s=every_s * share, offset_s=offset_s),
    st.floats(0.001, 5.0),
    st.floats(0.0, 0.99),
    st.floats(0.0, 5.0),
)
periods = st.sampled_from([0, 1, 2, 3, 5, 7, 100])
numbers = st.integers(0, 10_000_000)
times_ns = st.integers(-1_000_000_000, 1_000_000_000_000)
"""Some of them before the start."""
maybe_stalls = st.none() | stalls


def behaviours(stalls: st.SearchStrategy[Stall | None] = maybe_stalls) -> st.SearchStrategy[Behaviour]:
    """Any behaviour."""
    return st.builds(
        Behaviour,
        delay=delays,
        seed=st.integers(0, (1 << 62) - 1),
        stall=stalls,
        close_every=periods,
        never_every=periods,
        status_every=periods,
        wrong_every=periods,
        close_after_answer_every=periods,
        chunked_every=periods,
        log=st.booleans(),
    )
