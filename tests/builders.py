"""Small experiments for tests."""

from __future__ import annotations

from typing import Any

from bakeoff.model import ClosedLoad, Experiment, OpenLoad, Request, Scenario, Stack


def stack(name: str, **changes: Any) -> Stack:
    """A valid stack of which only the name matters."""
    return Stack(**{"name": name, "interface": "wsgi", "app": "apps.flask_app:app", "server": "gunicorn", **changes})


def experiment(*stacks: Stack, **changes: Any) -> Experiment:
    """An experiment with some stacks; the first is the baseline."""
    compared = stacks or (stack("a"), stack("b"), stack("c"))
    fields: dict[str, Any] = {
        "name": "test",
        "baseline": compared[0].name,
        "stacks": compared,
        "scenarios": (Scenario(name="front", requests=(Request(method="GET", path="/"),)),),
        "loads": (ClosedLoad(users=8), OpenLoad(rate_rps=50.0)),
        "blocks": 7,
        "passes": 2,
        "slice_s": 1.0,
        "warmup_s": 0.1,
        "max_slice_s": 10.0,
    }
    return Experiment(**{**fields, **changes})
