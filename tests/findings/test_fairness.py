"""What each stack was seen to work with, and where they differ."""

from __future__ import annotations

from bakeoff.findings.fairness import fairness_grid, mismatches, working_conditions
from bakeoff.model import Run
from tests.findings.changes import with_blocks


def test_loop_and_parser_are_those_that_were_loaded(run: Run) -> None:
    """Whatever the settings say."""
    seen = {"fastapi-uvicorn": ("httptools", "uvloop"), "fastapi-gunicorn-asgi": ("pydantic_core",)}
    every = {observed.stack.name: observed for observed in working_conditions(with_blocks(run, extensions=seen))}
    uvicorn, gunicorn = every["fastapi-uvicorn"], every["fastapi-gunicorn-asgi"]
    assert (uvicorn.loop, uvicorn.parser) == ("uvloop", "httptools")
    assert (gunicorn.loop, gunicorn.parser) == ("asyncio", "gunicorn's own")
    assert (every["flask-gunicorn-sync"].loop, every["flask-gunicorn-sync"].parser) == (None, None)


def test_stacks_with_different_loops_are_named(run: Run) -> None:
    """Only among those that have a loop."""
    seen = {"fastapi-uvicorn": ("uvloop",), "fastapi-gunicorn-asgi": (), "flask-gunicorn-sync": ()}
    (finding,) = (finding for finding in mismatches(with_blocks(run, extensions=seen)) if finding.name == "event loops")
    assert finding.text.endswith("uvloop for fastapi-uvicorn; asyncio for fastapi-gunicorn-asgi.")
    assert finding.evidence == {"fastapi-uvicorn": "uvloop", "fastapi-gunicorn-asgi": "asyncio"}


def test_what_was_not_observed_is_no_mismatch(run: Run) -> None:
    """Older runs say nothing about loops."""
    names = {finding.name for finding in mismatches(run)}
    assert "slots" in names
    assert names.isdisjoint({"event loops", "http parsers"})


def test_what_was_not_observed_is_marked_in_the_table(run: Run) -> None:
    """Loop and parser of every stack, with one footnote."""
    grid = fairness_grid(run)
    assert grid.notes == ("not observed",)
    assert {cell.marks for row in grid.rows for cell in row[-2:]} == {(1,)}
