"""Which queries are accepted, and what a step does."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from apps import recipes

any_time = settings(deadline=None)
texts = st.text() | st.floats().map(str) | st.integers().map(str)


@any_time
@given(st.floats(min_value=0, max_value=1000), st.integers(min_value=0, max_value=100_000))
def test_what_lies_within_the_bounds_is_taken_as_it_is(wait_ms: float, work: int) -> None:
    """Both bounds are allowed."""
    assert recipes.step_cost(f"work={work}&wait_ms={wait_ms!r}".encode()) == (wait_ms / 1000, work)


@any_time
@given(st.floats().filter(lambda value: not 0 <= value <= 1000))
def test_a_wait_outside_the_bounds_is_refused(wait_ms: float) -> None:
    """So are infinities and what is no number."""
    with pytest.raises(ValueError, match="wait_ms must be given once, as a number from 0 to 1000"):
        recipes.step_cost(f"wait_ms={wait_ms!r}".encode())


@any_time
@given(st.integers().filter(lambda value: not 0 <= value <= 100_000))
def test_work_outside_the_bounds_is_refused(work: int) -> None:
    """However large the number."""
    with pytest.raises(ValueError, match="work must be given once, as a whole number from 0 to 100000"):
        recipes.step_cost(f"work={work}".encode())


@any_time
@given(st.binary() | st.builds(lambda a, b: f"wait_ms={quote(a)}&work={quote(b)}".encode(), texts, texts))
def test_any_query_has_a_cost_within_bounds_or_an_answer_that_says_what_is_wrong(query: bytes) -> None:
    """Nothing that a client sends is an error of the server."""
    try:
        wait_s, work = recipes.step_cost(query)
    except ValueError as error:
        refusal = recipes.encode(400, {"error": str(error)})
        assert recipes.bake(recipes.CAKE, query) == asyncio.run(recipes.bake_async(recipes.CAKE, query)) == refusal
    else:
        assert 0 <= wait_s <= 1
        assert 0 <= work <= 100_000


def test_work_is_a_chain_of_digests() -> None:
    """Each digest is of the one before it."""
    assert recipes.compute(0) == bytes(32)
    assert recipes.compute(2) == hashlib.sha256(hashlib.sha256(bytes(32)).digest()).digest()


def bake(recipe: recipes.Recipe, query: bytes) -> None:
    recipes.bake(recipe, query)


def bake_async(recipe: recipes.Recipe, query: bytes) -> None:
    asyncio.run(recipes.bake_async(recipe, query))


both_ways = pytest.mark.parametrize("baked", [bake, bake_async])
Bake = Callable[[recipes.Recipe, bytes], None]


@both_ways
def test_every_step_does_the_work_that_is_asked_for(monkeypatch: pytest.MonkeyPatch, baked: Bake) -> None:
    """Work is per step, like the wait."""
    rounds: list[int] = []
    monkeypatch.setattr(recipes, "compute", rounds.append)

    baked(recipes.FROSTING, b"wait_ms=0&work=7")

    assert rounds == [7] * 5


@both_ways
def test_every_step_waits_once(monkeypatch: pytest.MonkeyPatch, baked: Bake) -> None:
    """For as long as is asked for."""
    waits_s: list[float] = []

    async def wait(wait_s: float) -> None:
        waits_s.append(wait_s)

    monkeypatch.setattr(time, "sleep", waits_s.append)
    monkeypatch.setattr(recipes, "wait_async", wait)

    baked(recipes.CAKE, b"wait_ms=20")

    assert waits_s == [0.02] * 11


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("wait_s", [0.0, 0.0003, 0.001, 0.0015, 0.005])
def test_an_awaited_wait_is_never_too_short(new_loop: Callable[[], asyncio.AbstractEventLoop], wait_s: float) -> None:
    """``asyncio.sleep`` on uvloop is, by up to a millisecond."""

    async def timed() -> float:
        start_s = time.monotonic()
        await recipes.wait_async(wait_s)
        return time.monotonic() - start_s

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert min(runner.run(timed()) for _ in range(20)) >= wait_s
