"""How long does a report take, and how much memory, when millions of requests were measured?

Makes a run folder of a stated number of requests from made-up latencies, renders it in a fresh process, and prints wall
time, CPU time and peak memory; then the same for twice the requests. Time must follow what is stored (histograms,
second by second), not how many requests there were. Where there is a Chromium, it opens the page too, and says when
it first painted and how much it jumped.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bakeoff.analysis import summarise
from bakeoff.experiment import plan_blocks
from bakeoff.model import (
    Block,
    BlockResult,
    Certificate,
    ClosedLoad,
    EndpointCounts,
    Experiment,
    GeneratorUse,
    Histogram,
    HistogramKind,
    Interface,
    Interval,
    Machine,
    Manifest,
    OpenLoad,
    Outcomes,
    Record,
    Scenario,
    ServerUse,
    Slice,
    Stack,
)
from bakeoff.results import RunFolder
from benchmarks.browser import Browser, browsing, chromium

ENDPOINTS = ("/cake", "/frosting")
KINDS: tuple[HistogramKind, ...] = ("latency", "service", "lag")
SERVERS: tuple[tuple[Interface, str], ...] = (("wsgi", "gunicorn"), ("asgi", "uvicorn"))
STACKS = tuple(
    Stack(name=f"{interface}-{number}", interface=interface, app="app:app", server=server, workers=2)
    for interface, server in SERVERS
    for number in (1, 2)
)


USERS, BLOCKS, PASSES = 64, 7, 2
SLICES = BLOCKS * PASSES * len(STACKS) * 2
"""Of all stacks, under a closed and an open load."""
UNLOADED_SHARE = 0.9
"""What a request takes without load, as a share of what it takes under it."""
SPREAD = 0.5
"""Of the logarithms of the latencies."""


class Cost(NamedTuple):
    """What rendering one run took."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--page", type=Path, help="a report.html to open instead")
    parser.add_argument("--slice-s", type=int, default=3, help="seconds of each slice, as many histograms are stored")
    asked = parser.parse_args()
    if asked.page:
        print_opening(asked.page)
        return
    print("| requests | histograms | folder | wall time | CPU time | peak memory | page |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as kept:
        for requests in (asked.requests, 2 * asked.requests):
            page = print_cost(requests, asked.slice_s, Path(kept))
        print_opening(page)


def print_cost(requests: int, slice_s: int, kept: Path) -> Path:
    """One row: the best of three renderings. The page is kept in a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, histograms = make_run(Path(scratch), requests, slice_s)
        size_mib = sum(path.stat().st_size for path in folder.path.rglob("*") if path.is_file()) / 2**20
        cost = min((render(folder.path) for _ in range(3)), key=lambda each: each.wall_s)
        page = (folder.path / "report.html").rename(kept / "report.html")
    print(
        f"| {requests:,} | {histograms:,} | {size_mib:.1f} MiB | {cost.wall_s:.1f} s | {cost.cpu_s:.1f} s "
        f"| {cost.peak_mib:.0f} MiB | {page.stat().st_size / 1e6:.2f} MB |",
        flush=True,
    )
    return page


def print_opening(page: Path) -> None:
    """When the page first painted, how much it jumped, and when all of it was read; medians of five."""
    program = chromium()
    if program is None:
        print("\nno Chromium on PATH: the page was not opened")
        return
    with tempfile.TemporaryDirectory() as profile, browsing(program, Path(profile)) as browser:
        seen = [opening(browser, page) for _ in range(5)]
    paints_ms, shifts, loads_ms = zip(*seen, strict=True)
    print(
        f"\nfirst contentful paint {statistics.median(paints_ms):.0f} ms, layout shift {max(shifts):.3f} at most, "
        f"loaded after {statistics.median(loads_ms):.0f} ms"
    )


def opening(browser: Browser, page: Path) -> tuple[float, float, float]:
    """First contentful paint (ms), cumulative layout shift, and the end of loading (ms) of a page opened once."""
    with browser.tab() as tab:
        tab.open(page, 390, 844)
        tab.wait_for("performance.getEntriesByName('first-contentful-paint').length")
        paint_ms = tab.ask("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        loaded_ms = tab.ask("performance.getEntriesByType('navigation')[0].loadEventEnd")
        return float(paint_ms), tab.layout_shift(), float(loaded_ms)


def render(folder: Path) -> Cost:
    """``bakeoff report`` as its user runs it, in a process of its own."""
    began_s = time.perf_counter()
    command = [sys.executable, "-m", "bakeoff", "report", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        _, status, use = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        sys.exit(f"bakeoff report ended with status {running.returncode}")
    return Cost(time.perf_counter() - began_s, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024)


def make_run(results: Path, requests: int, slice_s: int) -> tuple[RunFolder, int]:
    """A run folder with so many requests in all, and how many histograms it holds."""
    each = requests // (SLICES * slice_s * len(ENDPOINTS))
    manifest = _manifest(slice_s, rate_rps=each * len(ENDPOINTS))
    folder = RunFolder.create(results, manifest)
    plans = plan_blocks(manifest.experiment, manifest.seed)
    rng = np.random.default_rng(1)
    amount = 0
    for plan in plans:
        records = tuple(_record(plan, one, each, slice_s) for one in plan.slices)
        intervals = [interval for one in plan.slices for interval in _intervals(plan, one, each, slice_s, rng)]
        unloaded_s = {stack.name: dict.fromkeys(ENDPOINTS, UNLOADED_SHARE * _mean_s(each)) for stack in STACKS}
        folder.write_block(BlockResult(number=plan.number, records=records, unloaded_s=unloaded_s), intervals)
        amount += len(intervals)
    folder.write_summary(summarise(manifest, folder.blocks(), folder.intervals(), Certificate()))
    return folder, amount


def _mean_s(each: int) -> float:
    """The mean latency with which the users send so many requests a second to each endpoint (Little's law)."""
    return USERS / (each * len(ENDPOINTS))


def _manifest(slice_s: int, rate_rps: float) -> Manifest:
    experiment = Experiment(
        name="synthetic",
        baseline=STACKS[0].name,
        stacks=STACKS,
        scenarios=(Scenario(name="synthetic"),),
        loads=(ClosedLoad(users=USERS), OpenLoad(rate_rps=rate_rps)),
        blocks=BLOCKS,
        passes=PASSES,
        slice_s=slice_s,
        warmup_s=0.2,
        max_slice_s=60.0,
    )
    machine = Machine(
        hostname="made-up", system="Linux", kernel="0", cpu_model="made up", cores=2, memory_bytes=2**33,
        python="3", server_cpus=(1,), generator_cpus=(0,), versions={},
    )  # fmt: skip
    return Manifest(
        run_id="synthetic", experiment=experiment, profile="full", seed=1, machine=machine, state="complete",
        started_utc="2025-01-01T00:00:00+00:00", finished_utc="2025-01-01T01:00:00+00:00",
    )  # fmt: skip


def _record(plan: Block, one: Slice, each: int, slice_s: int) -> Record:
    total = each * slice_s
    endpoint_counts = tuple(
        EndpointCounts(endpoint=name, offered=total, outcomes=Outcomes(right=total), completed=total)
        for name in ENDPOINTS
    )
    return Record(
        block=plan.number,
        position=one.position,
        stack=one.stack,
        scenario=one.scenario,
        load=one.load,
        started_unix_s=0.0,
        window_s=float(slice_s),
        warmup_s=0.2,
        endpoints=endpoint_counts,
        server=ServerUse(cpu_s=0.5, rss_bytes=2**26, processes=3, threads=3, others_cpu_s=0.0),
        generator=GeneratorUse(cpu_s=0.5, window_s=float(slice_s), connections_opened=64, requests_sent=2 * total),
    )


def _intervals(plan: Block, one: Slice, each: int, slice_s: int, rng: np.random.Generator) -> list[Interval]:
    return [
        Interval(
            block=plan.number,
            position=one.position,
            endpoint=name,
            kind=kind,
            start_s=float(second),
            length_s=1.0,
            histogram=Histogram.of(_latencies_ns(6e-5 if kind == "lag" else _mean_s(each), each, rng)),
        )
        for second in range(slice_s)
        for name in ENDPOINTS
        for kind in KINDS
    ]


def _latencies_ns(mean_s: float, amount: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.lognormal(np.log(mean_s * 1e9) - SPREAD**2 / 2, SPREAD, amount).astype(np.int64)


if __name__ == "__main__":
    main()
