"""Loads are named by what they are, and no two by the same words."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bakeoff.model import ClosedLoad, Load, OpenLoad, Stage, load_title, load_words

rates = st.integers(1, 500).map(float)
stages = st.builds(Stage, for_s=st.integers(1, 60), rate_rps=rates, to_rps=rates)
arrivals = st.sampled_from(["poisson", "constant"])
loads = st.one_of(
    st.builds(ClosedLoad, users=st.integers(1, 500), think_s=st.sampled_from([0.0, 0.5, 2.0])),
    st.builds(OpenLoad, rate_rps=rates, arrivals=arrivals),
    st.builds(
        OpenLoad, rate_rps=st.just(1.0), arrivals=arrivals, stages=st.lists(stages, min_size=1, max_size=3).map(tuple)
    ),
)
RAMP = OpenLoad(rate_rps=200.0, stages=(Stage(for_s=4, rate_rps=10, to_rps=200),))


@pytest.mark.parametrize(
    ("load", "title", "words"),
    [
        (ClosedLoad(users=1), "1 user", "1 user"),
        (ClosedLoad(users=64, think_s=0.5), "64 users, 0.5 s apart", "64 users, 0.5 s apart"),
        (OpenLoad(rate_rps=50.0), "50/s", "50 requests a second"),
        (
            OpenLoad(rate_rps=50.0, arrivals="constant"),
            "50/s, evenly spaced",
            "50 requests a second, evenly spaced",
        ),
        (RAMP, "10 to 200/s over 4 s", "10 to 200 requests a second over 4 s"),
        (
            OpenLoad(rate_rps=90.0, stages=(*RAMP.stages, Stage(for_s=2, rate_rps=90, to_rps=90))),
            "10 to 200/s over 4 s, then 90/s for 2 s",
            "10 to 200 requests a second over 4 s, then 90 requests a second for 2 s",
        ),
    ],
)
def test_a_load_has_a_title_and_words_for_a_sentence(load: Load, title: str, words: str) -> None:
    """They differ in how a rate is written."""
    assert (load_title(load), load_words(load)) == (title, words)


@given(loads, loads)
def test_different_loads_have_different_titles(first: Load, second: Load) -> None:
    """Rows and columns of a table are told apart by them."""
    assume(first != second)
    assert load_title(first) != load_title(second)
    assert load_words(first) != load_words(second)


@given(st.lists(stages, min_size=1, max_size=3), rates)
def test_a_staged_load_has_the_mean_rate_of_its_stages(several: list[Stage], rate_rps: float) -> None:
    """It lies between the lowest and the highest rate, whatever would follow after the last stage."""
    ends = [rate for stage in several for rate in (stage.rate_rps, stage.to_rps)]
    mean_rps = OpenLoad(rate_rps=rate_rps, stages=tuple(several)).mean_rate_rps
    assert min(ends) - 1e-9 <= mean_rps <= max(ends) + 1e-9
    assert OpenLoad(rate_rps=rate_rps).mean_rate_rps == rate_rps
