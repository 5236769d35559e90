"""The steps of a timeline are read from answers, which may be anything."""

from __future__ import annotations

import pytest

from bakeoff.measure.timeline import _steps
from bakeoff.model import Step


def test_steps_count_from_the_moment_of_sending() -> None:
    """They come on this machine's clock; other keys are ignored."""
    body = b'{"cake": 1, "steps": [{"name": "mix", "start_s": 10.5, "end_s": 11, "by": "x"}]}'
    assert _steps(body, "/cake", 10.0, 12.0) == (Step(name="mix", start_s=0.5, end_s=1.0),)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hi",
        b"\xff",
        b"5",
        b'{"steps": 5}',
        b'{"steps": ["mix"]}',
        b'{"steps": [{"name": "mix"}]}',
        b'{"steps": [{"name": "mix", "start_s": "a", "end_s": 1}]}',
        b'{"steps": [{"name": "mix", "start_s": ' + b"9" * 5000 + b', "end_s": 1}]}',
        b"[" * 100_000,
        b'{"other": ' + b"[" * 100_000,
    ],
)
def test_any_other_answer_is_one_step(body: bytes) -> None:
    """From sending to its end."""
    assert _steps(body, "/cake", 10.0, 12.0) == (Step(name="/cake", start_s=0.0, end_s=2.0),)
