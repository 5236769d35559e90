"""Were the stacks given alike? Processes, threads, connection reuse, event loop and parser, as seen while measuring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bakeoff.analysis import bounds as laws
from bakeoff.findings.numerals import count, listing, percent
from bakeoff.model import Run, Stack

REUSE_APART = 0.1
"""Difference in the share of reused connections that is worth a word."""


@dataclass(frozen=True)
class Conditions:
    """What one stack was seen to work with; ``None`` where it was not observed."""

    stack: Stack
    processes: int | None
    threads: int | None
    slots: int | None
    """Requests it can hold at a time; ``None``: nothing declared limits it."""
    reuse_ratio: float | None
    loop: str | None
    parser: str | None


def conditions(run: Run) -> tuple[Conditions, ...]:
    """Every stack's, in order."""
    return tuple(_conditions(run, stack) for stack in run.manifest.experiment.stacks)


def _conditions(run: Run, stack: Stack) -> Conditions:
    records = [each for each in run.records if each.stack == stack.name]
    servers = [each.server for each in records if each.server]
    clients = [each.generator for each in records if each.generator]
    sent = sum(use.requests_sent for use in clients)
    opened = sum(use.connections_opened for use in clients)
    loaded = _loaded(run, stack.name)
    return Conditions(
        stack=stack,
        processes=max((use.processes for use in servers), default=None),
        threads=max((use.threads for use in servers), default=None),
        slots=laws.slots(stack),
        reuse_ratio=max(0.0, 1 - opened / sent) if sent else None,
        loop=None if loaded is None else loop(stack, loaded),
        parser=None if loaded is None else parser(stack, loaded),
    )


def _loaded(run: Run, stack: str) -> frozenset[str] | None:
    """What a stack's processes had loaded in any block; ``None`` where nobody looked."""
    found = [block.extensions[stack] for block in run.blocks if stack in block.extensions]
    return frozenset().union(*found) if found else None


LOOPS = ("uvloop", "gevent", "granian")
PARSERS = ("httptools", "granian")
PURE_PARSERS = {"uvicorn": "h11", "hypercorn": "h11"}
"""What these servers parse with when nothing compiled is there to do it."""


def loop(stack: Stack, loaded: frozenset[str]) -> str:
    """The event loop: a compiled one that was loaded, else what the interface leaves."""
    compiled = next((name for name in LOOPS if name in loaded), None)
    if compiled or stack.command:
        return compiled or "not known"
    return "asyncio" if stack.interface == "asgi" else "none (threads)"


def parser(stack: Stack, loaded: frozenset[str]) -> str:
    """The HTTP parser: a compiled one that was loaded, else the server's own."""
    compiled = next((name for name in PARSERS if name in loaded), None)
    if compiled or stack.server is None:
        return compiled or "not known"
    return PURE_PARSERS.get(stack.server, f"{stack.server}'s own")


# --- mismatches ------------------------------------------------------------------------------------------------------


def mismatches(run: Run) -> tuple[str, ...]:
    """One sentence for each condition in which stacks that were compared differ; empty when all were alike."""
    seen = conditions(run)
    asgi = tuple(one for one in seen if one.stack.interface == "asgi")
    told = (
        _differ(
            seen,
            "Processes",
            lambda one: one.processes and count(one.processes),
            "each has memory and a lock of its own",
        ),
        _differ(seen, "Slots", _slots_words, "requests that a stack can hold at a time"),
        _reuse(seen),
        _differ(asgi, "Event loops", lambda one: one.loop, "a compiled one spends less CPU time on a request"),
        _differ(seen, "HTTP parsers", lambda one: one.parser, "a compiled one spends less CPU time on a request"),
    )
    return tuple(sentence for sentence in told if sentence)


def _slots_words(one: Conditions) -> str:
    return "no limit" if one.slots is None else count(one.slots)


def _differ(
    seen: tuple[Conditions, ...], what: str, value: Callable[[Conditions], str | int | None], matters: str
) -> str:
    groups: dict[str, list[str]] = {}
    for one in seen:
        found = value(one)
        if found:
            groups.setdefault(str(found), []).append(one.stack.name)
    if len(groups) < 2:
        return ""
    return f"{what} differ ({matters}): {'; '.join(f'{each} for {listing(names)}' for each, names in groups.items())}."


def _reuse(seen: tuple[Conditions, ...]) -> str:
    known = [one.reuse_ratio for one in seen if one.reuse_ratio is not None]
    if not known or max(known) - min(known) <= REUSE_APART:
        return ""
    return _differ(
        seen,
        "Connections reused",
        lambda one: None if one.reuse_ratio is None else percent(round(one.reuse_ratio, 2)),
        "a new connection costs time on both sides",
    )
