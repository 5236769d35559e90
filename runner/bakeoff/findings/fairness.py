"""Whether the stacks worked under equal conditions: processes, threads, connections, event loop and parser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bakeoff.analysis import bounds
from bakeoff.findings.grid import Cell, Grid, Head, make_grid, missing
from bakeoff.findings.numerals import count, listing, percent
from bakeoff.model import Finding, Run, Stack

REUSE_DIFFERS = 0.1
"""Difference in the share of reused connections from which on it is listed."""


@dataclass(frozen=True)
class WorkingConditions:
    """What one stack was seen to work with; ``None`` where it was not observed."""

    stack: Stack
    processes: int | None
    threads: int | None
    slots: int | None
    """Requests it can hold at a time; ``None``: nothing declared limits it."""
    reuse_ratio: float | None
    loop: str | None
    parser: str | None

    @property
    def slots_text(self) -> str:
        """The slots as a reader sees them."""
        return "no limit" if self.slots is None else count(self.slots)


def working_conditions(run: Run) -> tuple[WorkingConditions, ...]:
    """Those of every stack, in order."""
    return tuple(_observed(run, stack) for stack in run.manifest.experiment.stacks)


def _observed(run: Run, stack: Stack) -> WorkingConditions:
    records = [record for record in run.records if record.stack == stack.name]
    servers = [record.server for record in records if record.server]
    clients = [record.generator for record in records if record.generator]
    sent = sum(use.requests_sent for use in clients)
    opened = sum(use.connections_opened for use in clients)
    loaded = _loaded_extensions(run, stack.name)
    return WorkingConditions(
        stack=stack,
        processes=max((use.processes for use in servers), default=None),
        threads=max((use.threads for use in servers), default=None),
        slots=bounds.slots(stack),
        reuse_ratio=max(0.0, 1 - opened / sent) if sent else None,
        loop=None if loaded is None else event_loop(stack, loaded),
        parser=None if loaded is None else http_parser(stack, loaded),
    )


def _loaded_extensions(run: Run, stack: str) -> frozenset[str] | None:
    """What a stack's processes had loaded in any block; ``None`` where that was not observed."""
    extensions = [block.extensions[stack] for block in run.blocks if stack in block.extensions]
    return frozenset().union(*extensions) if extensions else None


LOOPS = ("uvloop", "gevent", "granian")
PARSERS = ("httptools", "gunicorn_h1c", "granian")
PURE_PARSERS = {"uvicorn": "h11", "hypercorn": "h11", "daphne": "Twisted's"}
"""The parser of these servers where no compiled one is loaded."""


def event_loop(stack: Stack, loaded: frozenset[str]) -> str:
    """The event loop: a compiled one that was loaded, else the one that follows from the interface."""
    compiled = next((name for name in LOOPS if name in loaded), None)
    if compiled or stack.command:
        return compiled or "not known"
    return "asyncio" if stack.interface == "asgi" else "none (threads)"


def http_parser(stack: Stack, loaded: frozenset[str]) -> str:
    """The HTTP parser: a compiled one that was loaded, else the server's own."""
    compiled = next((name for name in PARSERS if name in loaded), None)
    if compiled or stack.server is None:
        return compiled or "not known"
    return PURE_PARSERS.get(stack.server, f"{stack.server}'s own")


def fairness_grid(run: Run) -> Grid:
    """What each stack was seen to work with."""
    heads = (
        Head("stack", numeric=False),
        Head("processes", "seen"),
        Head("threads", "seen"),
        Head("slots", "requests at a time"),
        Head("reuse", "of connections"),
        Head("event loop", numeric=False),
        Head("HTTP parser", numeric=False),
    )
    return make_grid("Working conditions", heads, [_cells(observed) for observed in working_conditions(run)])


def _cells(observed: WorkingConditions) -> tuple[Cell, ...]:
    unknown = missing("not observed")
    stack, reuse = observed.stack, observed.reuse_ratio
    return (
        Cell(stack.name, stack.interface, kind=stack.interface),
        unknown if observed.processes is None else Cell(count(observed.processes)),
        unknown if observed.threads is None else Cell(count(observed.threads)),
        Cell(observed.slots_text),
        unknown if reuse is None else Cell(percent(reuse)),
        Cell(observed.loop) if observed.loop else unknown,
        Cell(observed.parser) if observed.parser else unknown,
    )


# --- mismatches ------------------------------------------------------------------------------------------------------


def mismatches(run: Run) -> tuple[Finding, ...]:
    """One finding for each condition in which stacks that were compared differ; empty when all were equal."""
    every = working_conditions(run)
    asgi = tuple(observed for observed in every if observed.stack.interface == "asgi")
    cheaper = "a compiled one needs less CPU time a request"
    candidates = (
        _mismatch(
            "Processes",
            "each has its own memory and its own interpreter lock",
            every,
            lambda observed: count(observed.processes) if observed.processes else None,
        ),
        _mismatch("Slots", "requests that a stack can hold at a time", every, lambda observed: observed.slots_text),
        _reuse_mismatch(every),
        _mismatch("Event loops", cheaper, asgi, lambda observed: observed.loop),
        _mismatch("HTTP parsers", cheaper, every, lambda observed: observed.parser),
    )
    return tuple(finding for finding in candidates if finding)


def _mismatch(
    what: str,
    why_it_matters: str,
    stacks: tuple[WorkingConditions, ...],
    read: Callable[[WorkingConditions], str | None],
) -> Finding | None:
    values = {observed.stack.name: value for observed in stacks if (value := read(observed))}
    groups: dict[str, list[str]] = {}
    for name, value in values.items():
        groups.setdefault(value, []).append(name)
    if len(groups) < 2:
        return None
    listed = "; ".join(f"{value} for {listing(names)}" for value, names in groups.items())
    text = f"{what} differ ({why_it_matters}): {listed}."
    return Finding(kind="mismatch", name=what.lower(), stack=None, text=text, evidence={**values})


def _reuse_mismatch(stacks: tuple[WorkingConditions, ...]) -> Finding | None:
    known = [observed.reuse_ratio for observed in stacks if observed.reuse_ratio is not None]
    if not known or max(known) - min(known) <= REUSE_DIFFERS:
        return None
    return _mismatch(
        "Connections reused",
        "a new connection costs time on both sides",
        stacks,
        lambda observed: None if observed.reuse_ratio is None else percent(round(observed.reuse_ratio, 2)),
    )
