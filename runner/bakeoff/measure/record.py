"""From what the generator and the servers report of a slice to its record and histograms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from bakeoff.load.messages import Driven, Second
from bakeoff.model import (
    EndpointCounts,
    Failure,
    GeneratorUse,
    Histogram,
    Interval,
    ProcessUse,
    Record,
    ServerUse,
    Slice,
)
from bakeoff.stacks import ProcessMemory, Unknown, Usage


@dataclass(frozen=True)
class Observed:
    """A slice as it went: when it began, and what the server used meanwhile."""

    started_unix_s: float
    """When its window opened; in a paired measurement, when its warm-up began."""
    server: ServerUse | Unknown


def server_use(before: Usage | Unknown, after: Usage | Unknown, others_cpu_s: float = 0.0) -> ServerUse | Unknown:
    """What a stack used between two readings, or why that is not known."""
    if isinstance(before, Unknown):
        return before
    if isinstance(after, Unknown):
        return after
    return ServerUse(
        cpu_s=after.cpu_s - before.cpu_s,
        rss_bytes=after.rss_bytes,
        processes=after.processes,
        threads=after.threads,
        others_cpu_s=others_cpu_s,
        by_process=tuple(
            ProcessUse(pid=pid, cpu_s=cpu_s - before.cpu_s_by_pid.get(pid, 0.0))
            for pid, cpu_s in after.cpu_s_by_pid.items()
        ),
    )


def with_memory(use: ServerUse | Unknown, memory: Mapping[int, ProcessMemory]) -> ServerUse | Unknown:
    """The same use, with what each process held after the slice."""
    if isinstance(use, Unknown):
        return use
    processes = (
        msgspec.structs.replace(process, pss_bytes=held.pss_bytes, private_bytes=held.private_bytes)
        if (held := memory.get(process.pid))
        else process
        for process in use.by_process
    )
    return msgspec.structs.replace(use, by_process=tuple(processes))


def record_of(
    block: int, planned: Slice, driven: Driven, endpoints: tuple[EndpointCounts, ...], observed: Observed
) -> Record:
    """The record of a slice that was driven."""
    server = observed.server
    return Record(
        block=block,
        position=planned.position,
        stack=planned.stack,
        scenario=planned.scenario,
        load=planned.load,
        started_unix_s=observed.started_unix_s,
        window_s=driven.window_s,
        warmup_s=driven.warmup_s,
        endpoints=endpoints,
        server=None if isinstance(server, Unknown) else server,
        server_unknown=server.reason if isinstance(server, Unknown) else None,
        generator=GeneratorUse(
            cpu_s=driven.cpu_s,
            window_s=driven.window_s,
            connections_opened=driven.connections_opened,
            requests_sent=driven.requests_sent,
            generators=driven.generators,
            opened_within_s=driven.opened_within_s,
            users=driven.users,
            user_error=driven.user_error,
        ),
    )


def failed_record(block: int, planned: Slice, failure: Failure, now_unix_s: float) -> Record:
    """The record of a slice that has no result."""
    return Record(
        block=block,
        position=planned.position,
        stack=planned.stack,
        scenario=planned.scenario,
        load=planned.load,
        started_unix_s=now_unix_s,
        window_s=0.0,
        warmup_s=0.0,
        failure=failure,
    )


def intervals_of(block: int, position: int, driven: Driven, seconds: Iterable[Second]) -> Iterator[Interval]:
    """The histograms of a slice, each in its place; the last second of a window may be a part of one."""
    for second in seconds:
        yield Interval(
            block=block,
            position=position,
            endpoint=second.endpoint,
            kind=second.kind,
            start_s=float(second.second),
            length_s=min(1.0, max(0.0, driven.window_s - second.second)),
            histogram=Histogram.decode(second.blob),
        )
