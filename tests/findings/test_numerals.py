"""How numbers are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.findings import numerals


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"), (0.01234, "0.0123"), (0.9996, "1.00"), (9.1, "9.10"), (36.21, "36.2"), (99.97, "100"),
        (999.7, "1,000"), (1234.4, "1,234"), (1234567, "1,234,567"), (-2.5, "-2.50"), (None, "\u2013"),
        (float("nan"), "\u2013"), (float("inf"), "\u2013"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits_and_a_thousands_comma(value: float | None, written: str) -> None:
    """One way to write a number, everywhere."""
    assert numerals.number(value) == written


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_a_written_number_is_within_half_a_per_cent(value: float) -> None:
    """Rounding never changes a finding."""
    assert float(numerals.number(value).replace(",", "")) == pytest.approx(value, rel=0.005 + 1e-9)


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["p99 needs 1,000 requests, there were 61", "p99 needs 1,000 requests, there were 1,911"],
         "p99 needs 1,000 requests, there were 61 to 1,911"),
        (["exited with code 3", "exited with code 3"], "exited with code 3"),
        (["needs gunicorn 25.0.1"], "needs gunicorn 25.0.1"),
        (["a stall of 0.5 s."], "a stall of 0.5 s."),
    ],
)  # fmt: skip
def test_sentences_that_differ_only_in_numbers_become_one(texts: list[str], sentence: str) -> None:
    """A footnote for each row would bury the table."""
    assert len({numerals.shape(text) for text in texts}) == 1
    assert numerals.merged(texts) == sentence


def test_p99_and_p90_are_different_reasons() -> None:
    """Their digits are part of a name."""
    assert numerals.shape("p99 needs 100") != numerals.shape("p90 needs 100")
