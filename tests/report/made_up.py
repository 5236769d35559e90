"""A made-up run of the bakery with everything that a report shows: four stacks, two loads, seven blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import numpy as np

from bakeoff.model import (
    ALL_ENDPOINTS,
    BlockResult,
    Bound,
    Certificate,
    ClosedLoad,
    Code,
    Comparison,
    EndpointCounts,
    Environment,
    Estimate,
    Experiment,
    Failure,
    GeneratorUse,
    Histogram,
    Interval,
    Latency,
    Load,
    LoadOrigin,
    Machine,
    Manifest,
    Metric,
    OpenLoad,
    OracleCheck,
    Outcomes,
    Record,
    Result,
    Run,
    Scenario,
    ServerUse,
    Stack,
    Step,
    Summary,
    Timeline,
    TimelineRequest,
    Verdict,
)

BLOCKS = 7
USERS = ClosedLoad(users=64)
RATE = OpenLoad(rate_rps=50.0)
LOADS: tuple[Load, ...] = (USERS, RATE)
TOO_FEW = "p99.9 needs 10,000 requests, there were 4,100"
HOSTILE = "<script>alert(1)</script>"

STACKS = (
    Stack(
        name="flask-gunicorn-sync",
        interface="wsgi",
        app="apps.flask_app:app",
        server="gunicorn",
        workers=4,
        options={"worker-class": "sync"},
    ),
    Stack(
        name="flask-gunicorn-gthread",
        interface="wsgi",
        app="apps.flask_app:app",
        server="gunicorn",
        workers=4,
        threads=16,
        options={"worker-class": "gthread"},
    ),
    Stack(name="fastapi-uvicorn", interface="asgi", app="apps.fastapi_app:app", server="uvicorn"),
    Stack(
        name="fastapi-gunicorn-asgi",
        interface="asgi",
        app="apps.fastapi_app:app",
        server="gunicorn",
        options={"worker-class": "asgi"},
    ),
)

# Requests per second, median latency in ms, CPU in ms per request: what each stack does at each load.
TRUTH: dict[tuple[str, Load], tuple[float, float, float]] = {
    ("flask-gunicorn-sync", USERS): (89.4, 715.0, 1.31),
    ("flask-gunicorn-gthread", USERS): (802.0, 78.1, 1.62),
    ("fastapi-uvicorn", USERS): (816.0, 76.9, 0.94),
    ("fastapi-gunicorn-asgi", USERS): (741.0, 84.8, 1.07),
    ("flask-gunicorn-sync", RATE): (50.1, 66.0, 1.35),
    ("flask-gunicorn-gthread", RATE): (50.0, 47.5, 1.71),
    ("fastapi-uvicorn", RATE): (49.9, 44.9, 1.02),
    ("fastapi-gunicorn-asgi", RATE): (50.2, 45.3, 1.11),
}
SHARES = {"/cake": 0.5, "/frosting": 0.5}
SLOWNESS = {ALL_ENDPOINTS: 1.0, "/cake": 1.25, "/frosting": 0.72}


def estimate(point: float, spread: float = 0.04) -> Estimate:
    """An estimate over all blocks."""
    return Estimate(point=point, low=point * (1 - spread), high=point * (1 + spread), level=0.95, n=BLOCKS)


def experiment() -> Experiment:
    """What was asked."""
    return Experiment(
        name="bakery",
        baseline=STACKS[0].name,
        stacks=STACKS,
        scenarios=(Scenario(name="bakery", locustfile="/srv/bakery/scenarios/bakery.py"),),
        loads=LOADS,
        blocks=BLOCKS,
        passes=2,
        slice_s=2.0,
        warmup_s=0.3,
        max_slice_s=10.0,
        timeline=("/cake", "/frosting"),
    )


def machine() -> Machine:
    """A small virtual machine."""
    return Machine(
        hostname="oven",
        system="Linux",
        kernel="6.1.0-18-amd64",
        cpu_model="AMD EPYC 7B13",
        cores=2,
        memory_bytes=8 * 2**30,
        python="3.11.7",
        server_cpus=(0,),
        generator_cpus=(1,),
        physical_cores=((0,), (1,)),
        versions={
            "bakeoff": "0.1.0",
            "gunicorn": "25.0.1",
            "uvicorn": "0.40.0",
            "flask": "3.1.2",
            "fastapi": "0.120.4",
        },
        warnings=("the CPU frequency governor is powersave: set it to performance",),
    )


# --- what was recorded -----------------------------------------------------------------------------------------------


def records(block: int) -> Iterator[Record]:
    """The slices of one block: every stack and load, then the same in reverse."""
    pairs = [(stack.name, load) for load in LOADS for stack in STACKS]
    for position, (stack, load) in enumerate(pairs + pairs[::-1]):
        yield record(block, position, stack, load)


def record(block: int, position: int, stack: str, load: Load) -> Record:
    """One slice of 2.4 s."""
    rps, _, cpu_ms = TRUTH[stack, load]
    endpoint_counts = tuple(
        EndpointCounts(
            endpoint=name, offered=round(rps * share * 2.4), outcomes=Outcomes(), completed=round(rps * share * 2.4)
        )
        for name, share in SHARES.items()
    )
    return Record(
        block=block,
        position=position,
        stack=stack,
        scenario="bakery",
        load=load,
        started_unix_s=1_700_000_000.0 + 100 * block + 3 * position,
        window_s=2.4,
        warmup_s=0.3,
        endpoints=endpoint_counts,
        server=ServerUse(
            cpu_s=rps * 2.4 * cpu_ms / 1e3, rss_bytes=96 * 2**20, processes=5, threads=5, others_cpu_s=0.01
        ),
        generator=GeneratorUse(cpu_s=0.5, window_s=2.4, connections_opened=64, requests_sent=round(rps * 2.4)),
    )


def intervals(record: Record, rng: np.random.Generator) -> Iterator[Interval]:
    """The seconds of one slice: two whole seconds and the rest."""
    rps, p50_ms, _ = TRUTH[record.stack, record.load]
    for start_s, length_s in ((0.0, 1.0), (1.0, 1.0), (2.0, 0.4)):
        for name, share in SHARES.items():
            amount = rng.poisson(rps * share * length_s)
            latencies_ns = rng.lognormal(np.log(p50_ms * SLOWNESS[name] * 1e6), 0.16, amount)
            latencies_ns += rng.exponential(p50_ms * 4e6, amount) * (rng.random(amount) < 0.01)
            yield Interval(
                block=record.block,
                position=record.position,
                endpoint=name,
                kind="latency",
                start_s=start_s,
                length_s=length_s,
                histogram=Histogram.of(latencies_ns),
            )


def with_timeouts(run: Run, stack: str) -> Run:
    """The same run, in which two in a hundred of a stack's requests waited for ten seconds in vain."""
    own = {(one.block, one.position) for block in run.blocks for one in block.records if one.stack == stack}
    timeouts = tuple(
        msgspec.structs.replace(
            interval, kind="error", histogram=Histogram.of([10 * 10**9] * max(1, interval.histogram.total // 50))
        )
        for interval in run.intervals
        if (interval.block, interval.position) in own
    )
    return replace(run, intervals=(*run.intervals, *timeouts))


# --- what was concluded ----------------------------------------------------------------------------------------------


def result(stack: Stack, load: Load, endpoint: str) -> Result:
    """One row."""
    rps, p50_ms, cpu_ms = TRUTH[stack.name, load]
    share, slow = SHARES.get(endpoint, 1.0), SLOWNESS[endpoint]
    whole = endpoint == ALL_ENDPOINTS
    latency = Latency(
        p50=estimate(p50_ms * slow, 0.03),
        p90=estimate(p50_ms * slow * 1.3, 0.05),
        p99=estimate(p50_ms * slow * 2.1, 0.15),
        p999=None,
        max=p50_ms * slow * 6,
    )
    return Result(
        stack=stack.name,
        interface=stack.interface,
        scenario="bakery",
        endpoint=endpoint,
        load=load,
        requests=round(rps * share * 33.6),
        errors=3 if stack.name == "fastapi-gunicorn-asgi" and whole else 0,
        throughput_rps=estimate(rps * share),
        latency_ms=latency,
        cpu_ms_per_request=estimate(cpu_ms, 0.02) if whole else None,
        rss_mib=212.4 if stack.interface == "wsgi" else 61.7,
        reuse_ratio=0.0 if stack.name == "flask-gunicorn-sync" else 0.998,
        bound=bound(stack, load) if whole else None,
        valid=True,
        withheld=(TOO_FEW,),
    )


def bound(stack: Stack, load: Load) -> Bound:
    """What the operational laws allow."""
    if isinstance(load, OpenLoad):
        return Bound(rps=load.rate_rps, by="load")
    return Bound(rps=91.7, by="slots") if stack.name == "flask-gunicorn-sync" else Bound(rps=1064.0, by="cpu")


def comparison(candidate: Stack, load: Load, metric: Metric, endpoint: str = ALL_ENDPOINTS) -> Comparison:
    """A candidate against the baseline."""
    place = {"throughput": 0, "latency_p50": 1, "cpu_per_request": 2}[metric]
    ratio = TRUTH[candidate.name, load][place] / TRUTH[STACKS[0].name, load][place]
    return Comparison(
        metric=metric,
        scenario="bakery",
        endpoint=endpoint,
        load=load,
        baseline=STACKS[0].name,
        candidate=candidate.name,
        ratio=estimate(ratio),
        p_value=0.0469,
        verdict=verdict(ratio, metric),
    )


def verdict(ratio: float, metric: Metric) -> Verdict:
    """As the analysis would judge these clear cases."""
    if abs(ratio - 1) < 0.05:
        return "same"
    return "faster" if (ratio > 1) == (metric == "throughput") else "slower"


def summary() -> Summary:
    """The analysis."""
    whole: tuple[Metric, ...] = ("throughput", "latency_p50", "cpu_per_request")
    compared = [(ALL_ENDPOINTS, metric) for metric in whole]
    compared += [(endpoint, metric) for endpoint in SHARES for metric in whole[:2]]
    return Summary(
        run_id="20251123T111700Z-bakery",
        experiment="bakery",
        profile="full",
        baseline=STACKS[0].name,
        results=tuple(result(stack, load, name) for load in LOADS for stack in STACKS for name in SLOWNESS),
        comparisons=tuple(
            comparison(stack, load, metric, endpoint)
            for load in LOADS
            for endpoint, metric in compared
            for stack in STACKS[1:]
        ),
        generator=Certificate(
            closed_ceiling_rps=24_310.0,
            open_ceiling_rps=18_400.0,
            send_lag_us={"p50": 41.0, "p99": 173.0, "p999": 420.0},
            oracle=(
                OracleCheck(case="delay", what="p50", asked=5.0, measured=5.06, ok=True),
                OracleCheck(case="stall", what="p99", asked=50.0, measured=50.1, ok=True),
            ),
            certified=True,
        ),
        timeline=tuple(timeline(stack) for stack in STACKS),
    )


def timeline(stack: Stack) -> Timeline:
    """A cake and a frosting at once: one after the other on a single sync worker, else side by side."""
    waits = stack.name == "flask-gunicorn-sync"
    cake = steps(11, 0.0021)
    frosting = steps(5, cake[-1].end_s + 0.0012 if waits else 0.0029)
    requests = (TimelineRequest(endpoint="/cake", steps=cake), TimelineRequest(endpoint="/frosting", steps=frosting))
    return Timeline(stack=stack.name, interface=stack.interface, requests=requests)


def steps(amount: int, start_s: float) -> tuple[Step, ...]:
    """Steps of 5.2 ms, back to back."""
    starts = [start_s + 0.0052 * at for at in range(amount)]
    return tuple(Step(name=f"step {at}", start_s=start, end_s=start + 0.0051) for at, start in enumerate(starts, 1))


# --- whole runs ------------------------------------------------------------------------------------------------------


def manifest() -> Manifest:
    """What was asked, where and when."""
    return Manifest(
        run_id="20251123T111700Z-bakery",
        experiment=experiment(),
        profile="full",
        seed=20251123,
        machine=machine(),
        state="complete",
        started_utc="2025-11-23T11:17:00+00:00",
        finished_utc="2025-11-23T11:21:42+00:00",
        load_origin=LoadOrigin(generators=1),
        environments={
            stack.name: Environment(python="Python 3.11.7", packages={"orjson": "3.11.0"}) for stack in STACKS
        },
        code={stack.name: Code(sha256="c0de" * 16, files=12) for stack in STACKS},
    )


def complete_run() -> Run:
    """A complete run."""
    rng = np.random.default_rng(1)
    blocks = tuple(
        BlockResult(number=number, records=tuple(records(number)), ready_s={stack.name: 0.62 for stack in STACKS})
        for number in range(1, BLOCKS + 1)
    )
    every = tuple(interval for block in blocks for record in block.records for interval in intervals(record, rng))
    return Run(manifest=manifest(), summary=summary(), blocks=blocks, intervals=every)


FAILURE = Failure(
    stage="start",
    message="exited with code 3 before it could serve",
    log="ModuleNotFoundError: No module named 'bakery_secrets' <b>&\n```\nworker failed to boot\n",
)


def with_failed(run: Run, stack: str) -> Run:
    """A run in which one stack never started."""
    rows = tuple(without_numbers(row) if row.stack == stack else row for row in run.summary.results)
    left = tuple(row for row in rows if row.stack != stack or row.endpoint == ALL_ENDPOINTS)
    compared = tuple(row for row in run.summary.comparisons if row.candidate != stack)
    changed = msgspec.structs.replace(run.summary, results=left, comparisons=compared, failures=(FAILURE,))
    failed = {(record.block, record.position) for record in run.records if record.stack == stack}
    kept = tuple(interval for interval in run.intervals if (interval.block, interval.position) not in failed)
    blocks = tuple(msgspec.structs.replace(block, records=failing(block.records, stack)) for block in run.blocks)
    return replace(run, summary=changed, blocks=blocks, intervals=kept)


def without_numbers(row: Result) -> Result:
    """A row of which nothing can be quoted."""
    return msgspec.structs.replace(
        row,
        requests=0,
        errors=0,
        throughput_rps=None,
        latency_ms=Latency(p50=None, p90=None, p99=None, p999=None, max=None),
        cpu_ms_per_request=None,
        rss_mib=None,
        reuse_ratio=None,
        bound=None,
        valid=False,
        withheld=(f"start: {FAILURE.message}",),
    )


def failing(records: tuple[Record, ...], stack: str) -> tuple[Record, ...]:
    """The records, with those of one stack turned into failures."""
    return tuple(
        msgspec.structs.replace(record, failure=FAILURE, endpoints=(), server=None, generator=None)
        if record.stack == stack
        else record
        for record in records
    )


def swept(run: Run) -> Run:
    """The run with a second closed load, under which each stack served a tenth."""
    few = ClosedLoad(users=8)
    change = msgspec.structs.replace
    rows = tuple(
        change(row, load=few, throughput_rps=estimate(row.throughput_rps.point / 10), bound=None)
        for row in run.summary.results
        if row.load == USERS and row.throughput_rps
    )
    asked = change(run.manifest.experiment, loads=(few, *LOADS))
    return replace(
        run,
        manifest=change(run.manifest, experiment=asked),
        summary=change(run.summary, results=(*rows, *run.summary.results)),
    )


def empty_run() -> Run:
    """A run that failed before its first block ended."""
    asked = msgspec.structs.replace(manifest(), state="failed", error="no space left on device", finished_utc=None)
    analysed = msgspec.structs.replace(
        summary(), results=(), comparisons=(), timeline=(), generator=Certificate(reasons=("it was never checked",))
    )
    return Run(manifest=asked, summary=analysed, blocks=(), intervals=())


def renamed(run: Run, old: str, new: str) -> Run:
    """A run in which one stack has another name."""
    change = msgspec.structs.replace
    asked = run.manifest.experiment
    stacks = tuple(change(stack, name=new) if stack.name == old else stack for stack in asked.stacks)
    rows = tuple(change(row, stack=new) if row.stack == old else row for row in run.summary.results)
    compared = tuple(change(row, candidate=new) if row.candidate == old else row for row in run.summary.comparisons)
    timelines = tuple(change(line, stack=new) if line.stack == old else line for line in run.summary.timeline)
    blocks = tuple(
        change(block, records=tuple(change(item, stack=new) if item.stack == old else item for item in block.records))
        for block in run.blocks
    )
    return replace(
        run,
        manifest=change(run.manifest, experiment=change(asked, stacks=stacks)),
        summary=change(run.summary, results=rows, comparisons=compared, timeline=timelines),
        blocks=blocks,
    )
