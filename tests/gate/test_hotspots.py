"""Two CPU profiles side by side show the function in which a request spends more time."""

from __future__ import annotations

from bakeoff.gate.hotspots import hotspots

BASE = "serve (s.py:10);bake (app.py:5) 60\nserve (s.py:10);frost (app.py:9) 40"
HEAD = (
    "serve (s.py:10);bake (app.py:7);burn (overhead.py:3) 100\nserve (s.py:10);bake (app.py:7) 60\nserve (s.py:10) 40"
)


def test_the_function_that_grew_most_comes_first() -> None:
    """With its CPU time per request, before and after."""
    found = hotspots(BASE, HEAD, {"base": 1.0, "head": 2.0})
    assert [hotspot.function for hotspot in found] == ["burn (overhead.py)", "serve (s.py)"]
    assert (found[0].base_ms, found[0].head_ms) == (0.0, 1.0)


def test_a_function_that_moved_within_its_file_is_the_same() -> None:
    """Line numbers differ between revisions; ``bake`` takes 0.6 ms in both."""
    assert "bake (app.py)" not in {hotspot.function for hotspot in hotspots(BASE, HEAD, {"base": 1.0, "head": 2.0})}


def test_an_empty_profile_shows_nothing() -> None:
    """There is nothing to take shares of."""
    assert hotspots("", HEAD, {"base": 1.0, "head": 2.0}) == ()
