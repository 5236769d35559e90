"""What surrounds the numbers: how certain they are, what was withheld, how, where and when they were measured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from bakeoff.analysis import fingerprint_of, stack_facts
from bakeoff.findings.grid import Cell, Grid, Head, make_grid, missing
from bakeoff.findings.numerals import count, listing, merged, mib, number, percent, plural, shape
from bakeoff.model import (
    ALL_ENDPOINTS,
    BlockResult,
    ClosedLoad,
    Condition,
    Load,
    Machine,
    Result,
    Run,
    Stack,
    load_words,
)

# --- what was withheld -----------------------------------------------------------------------------------------------


class Withheld(NamedTuple):
    """One reason, and every place where it, or one that differs only in its numbers, applied."""

    reason: str
    places: tuple[str, ...]


def withheld(run: Run) -> tuple[Withheld, ...]:
    """Everything that is not shown, by reason."""
    alike: dict[str, list[tuple[str, str]]] = {}
    for row in run.summary.results:
        for reason in row.withheld:
            alike.setdefault(shape(reason), []).append((reason, _place(run, row)))
    return tuple(_grouped(pairs) for pairs in alike.values())


def _grouped(pairs: list[tuple[str, str]]) -> Withheld:
    reasons = [reason for reason, _ in pairs]
    if len(set(reasons)) == 1:
        return Withheld(reasons[0], tuple(dict.fromkeys(place for _, place in pairs)))
    return Withheld(merged(reasons), tuple(f"{place}: {reason}" for reason, place in pairs))


def _place(run: Run, row: Result) -> str:
    endpoint = "all endpoints" if row.endpoint == ALL_ENDPOINTS else row.endpoint
    return f"{row.stack} at {run.title(Condition(row.scenario, row.load))}, {endpoint}"


# --- how certain -----------------------------------------------------------------------------------------------------


def certainty(run: Run) -> tuple[str, ...]:
    """What the intervals mean, how many rows passed the checks, and whether the load generator was certified."""
    return tuple(sentence for sentence in (_state(run), _intervals(run), _rows(run), _generator(run)) if sentence)


def _state(run: Run) -> str:
    if run.manifest.state == "complete":
        return ""
    error = f": {run.manifest.error.rstrip('.')}" if run.manifest.error else ""
    word = "failed" if run.manifest.state == "failed" else "did not finish"
    return f"This run {word}{error}. What was measured until then is shown."


def _intervals(run: Run) -> str:
    measured, asked = run.measured_blocks, run.manifest.experiment.blocks
    if not measured:
        return ""
    if measured == 1:
        return "There is only one block, so there are no intervals: how much the numbers vary is not known."
    short = f" of the {asked} asked for" if measured != asked else ""
    return (
        f"Numbers in brackets are {percent(run.confidence_level)} confidence intervals over "
        f"{plural(measured, 'block')}{short}. A block is a fresh start of all stacks; blocks are counted, not requests."
    )


def _rows(run: Run) -> str:
    rows = run.summary.results
    if not rows:
        return "There is no row of results."
    invalid = sum(not row.valid for row in rows)
    partial = sum(row.valid and bool(row.withheld) for row in rows)
    passed = f"{count(len(rows) - invalid)} of {plural(len(rows), 'row')} passed every check"
    withheld_rows = f"; {count(invalid)} withheld" if invalid else ""
    verb = "leaves" if partial == 1 else "leave"
    partial_rows = f"; {count(partial)} {verb} out a number that could not be measured" if partial else ""
    return f"{passed}{withheld_rows}{partial_rows}."


def _generator(run: Run) -> str:
    certificate = run.summary.generator
    if not certificate.certified:
        reasons = "; ".join(certificate.reasons) or "it was not checked"
        state = "failed its examination, so nothing is published" if certificate.failed else "is not certified"
        return f"The load generator {state}: {reasons}."
    parts = ["it measured known delays and stalls correctly"] if certificate.oracle else []
    if certificate.closed_ceiling_rps is not None:
        parts.append(f"it can drive {number(certificate.closed_ceiling_rps)} requests a second with waiting users")
    if certificate.open_ceiling_rps is not None:
        parts.append(f"it can send {number(certificate.open_ceiling_rps)} a second on time")
    if certificate.send_lag_us:
        parts.append(f"requests left late by {_lag(certificate.send_lag_us)}")
    return f"The load generator was certified: {listing(parts) or 'no figures were recorded'}."


def _lag(lag_us: dict[str, float]) -> str:
    names = {"p50": "median", "p99": "p99", "p999": "p99.9"}
    return listing([f"{number(value)} \N{MICRO SIGN}s ({names.get(name, name)})" for name, value in lag_us.items()])


def oracle_grid(run: Run) -> Grid:
    """What the load generator measured of test servers whose behaviour was known beforehand."""
    heads = (
        Head("case", numeric=False),
        Head("what", numeric=False),
        Head("true"),
        Head("measured"),
        Head("correct", numeric=False),
    )
    rows = [
        (
            Cell(check.case),
            Cell(check.what),
            Cell(number(check.asked)),
            Cell(number(check.measured)),
            Cell("yes" if check.ok else "no"),
        )
        for check in run.summary.generator.oracle
    ]
    return make_grid("The load generator against known delays", heads, rows)


# --- how it was measured ---------------------------------------------------------------------------------------------

CHECKS = (
    "Only correct answers count as served. A row is shown after these checks: every request has exactly one outcome; "
    "users equal throughput times latency (Little's law); the slice lasted much longer than a request; the load "
    "generator had CPU time to spare; the other stacks were idle. A row that fails is withheld, with the reason."
)


def method(run: Run) -> tuple[tuple[str, str], ...]:
    """The method, point by point: its name, and what was done."""
    return (
        ("Blocks", _blocks(run)),
        ("Order", _order(run)),
        ("Slices", _slices(run)),
        ("Load", " ".join(_load(load) for load in run.manifest.experiment.loads)),
        ("Statistics", _statistics(run)),
        ("Checks", CHECKS),
    )


def _blocks(run: Run) -> str:
    slices = [record for record in run.records if record.failure is None]
    sent = sum(counts.offered for record in slices for counts in record.endpoints)
    return (
        "In a block, every stack is started afresh, the stacks' answers are checked to be equal, each stack is "
        f"measured in turn, and all are stopped. This run has {plural(run.measured_blocks, 'block')} with "
        f"{plural(len(slices), 'slice')} and {plural(sent, 'request')}. The block is the unit of statistics: requests "
        "within one start are too similar to count as independent observations."
    )


def _order(run: Run) -> str:
    twice = (
        ", then in reverse, so that a drift affects all of them equally" if run.manifest.experiment.passes > 1 else ""
    )
    return (
        f"Within a block, stacks take turns in a random order{twice}. One is measured at a time; the others are up but "
        f"idle. All random choices derive from seed {run.manifest.seed}."
    )


def _slices(run: Run) -> str:
    experiment = run.manifest.experiment
    return (
        f"A slice is at least {experiment.slice_s:g} s long, longer where answers are slow (up to "
        f"{experiment.max_slice_s:g} s), and follows at least {experiment.warmup_s:g} s of warm-up under the same load."
    )


def _load(load: Load) -> str:
    if isinstance(load, ClosedLoad):
        return (
            f"{load_words(load)}: a closed loop. Each user waits for an answer before it sends the next request. That "
            "shows a stack's highest throughput but hides its stalls."
        )
    when = "come at random (Poisson), whatever" if load.arrivals == "poisson" else "do not depend on what"
    return (
        f"{load_words(load)}: an open loop. Requests {when} the server does, and latency counts from the moment at "
        "which a request was due."
    )


def _statistics(run: Run) -> str:
    experiment = run.manifest.experiment
    same = (
        f"Two stacks are equivalent when the whole interval lies within {percent(experiment.margin)}, the margin that "
        "the experiment declares."
    )
    if run.summary.schema_version < 2:
        return (
            "Estimates are geometric means over blocks, with Student's interval on the logarithms. Candidate and "
            "baseline are compared block by block; p comes from flipping the signs of the blocks' log ratios, "
            f"corrected for the number of candidates (Holm). A difference counts at p of {experiment.alpha:g} or less. "
            f"{same}"
        )
    return (
        "Estimates are geometric means over blocks, and percentiles are those of all requests; intervals come from the "
        "spread between blocks. Candidate and baseline are compared block by block; p comes from flipping the signs of "
        "the blocks' log ratios, corrected for all comparisons of the run together (step-down max-T). A difference "
        f"counts at p of {experiment.alpha:g} or less, where the interval does not contain 1: the chance of any false "
        f"difference in the whole run is at most {percent(experiment.alpha)}. {same}"
    )


def stack_grid(run: Run) -> Grid:
    """How each stack was set up, and how soon it could serve."""
    heads = (
        Head("stack", numeric=False),
        Head("app", numeric=False),
        Head("server", numeric=False),
        Head("workers"),
        Head("threads", "a worker"),
        Head("ready after", "s, median"),
    )
    return make_grid("The stacks", heads, [_stack_cells(run, stack) for stack in run.manifest.experiment.stacks])


def _stack_cells(run: Run, stack: Stack) -> tuple[Cell, ...]:
    ready_s = sorted(block.ready_s[stack.name] for block in run.blocks if stack.name in block.ready_s)
    options = [f"{name}={value}" for name, value in {**stack.options, **stack.env}.items()]
    app = stack.app or stack.url or " ".join(stack.command)
    unknown = missing("not recorded")
    return (
        Cell(stack.name, stack.interface, kind=stack.interface),
        Cell(app) if app else unknown,
        Cell(stack.server or ("already running" if stack.url else "own command"), ", ".join(options)),
        unknown if stack.url else Cell(count(stack.workers)),
        unknown if stack.url else Cell(count(stack.threads)),
        Cell(number(ready_s[len(ready_s) // 2])) if ready_s else unknown,
    )


# --- where and when --------------------------------------------------------------------------------------------------


def machine(run: Run) -> tuple[tuple[str, str], ...]:
    """The machine, as pairs of name and value."""
    host = run.manifest.machine
    return (
        ("processor", f"{host.cpu_model}, {plural(host.cores, 'core')}"),
        ("CPUs for servers", _cpus(host.server_cpus)),
        ("CPUs for the load", _cpus(host.generator_cpus)),
        *((("physical cores", _physical_cores(host)),) if host.physical_cores else ()),
        *((("CPU quota", f"{number(host.cpu_quota)} CPU seconds a second"),) if host.cpu_quota is not None else ()),
        ("memory", mib(host.memory_bytes)),
        ("system", f"{host.system} {host.kernel}"),
        ("host", host.hostname),
        ("Python", host.python),
        *run.manifest.place.items(),
        ("source of the load", fingerprint_of(run.manifest).workload["source of the load"]),
        *_codes(run),
    )


def _codes(run: Run) -> Iterator[tuple[str, str]]:
    """The code of the apps, as pairs of name and value: one pair for all stacks of one code."""
    stacks: dict[str, list[str]] = {}
    for name in run.stack_names:
        facts = stack_facts(run.manifest, name) if run.stack(name) else {}
        for (part, _), value in facts.items():
            if part == "code":
                stacks.setdefault(value, []).append(name)
    for value, names in stacks.items():
        yield ("code" if len(stacks) == 1 else f"code of {', '.join(names)}"), value


def _cpus(cpus: tuple[int, ...]) -> str:
    return ", ".join(map(str, cpus)) or "not pinned"


def _physical_cores(host: Machine) -> str:
    """How many; which CPUs are threads of one, where any are; and whether servers and generator share one."""
    threads = [core for core in host.physical_cores if len(core) > 1]
    words = [str(len(host.physical_cores))]
    words += [f"CPUs {' and '.join(map(str, core))} are threads of one" for core in threads]
    words += ["servers and generator share one"] if host.shares_a_core else []
    return "; ".join(words)


def versions(run: Run) -> tuple[tuple[str, str], ...]:
    """The packages that took part and their versions."""
    return tuple(sorted(run.manifest.machine.versions.items()))


def about(run: Run) -> tuple[tuple[str, str], ...]:
    """The run itself, as pairs of name and value."""
    manifest = run.manifest
    return (
        ("run", manifest.run_id),
        ("started", moment(manifest.started_utc)),
        *(("resumed", moment(stamp)) for stamp in manifest.resumed_utc),
        ("finished", moment(manifest.finished_utc) if manifest.finished_utc else "not finished"),
        ("profile", manifest.profile),
        ("seed", str(manifest.seed)),
        ("experiment", manifest.experiment.path or manifest.experiment.name),
    )


def moment(stamp: str) -> str:
    """A stored UTC time as people write it: ``2025-11-23 11:17 UTC``; any other text unchanged."""
    try:
        time = datetime.fromisoformat(stamp)
    except ValueError:
        return stamp
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


# --- files -----------------------------------------------------------------------------------------------------------

RAW_FILES = (
    ("summary.json", "every number on this page"),
    ("manifest.json", "what was asked, where, with which seed"),
    ("blocks/", "each block's records, histograms and server logs"),
    ("figures/", "the charts as files"),
    ("report.md", "this report as Markdown"),
)
"""The files beside the report: path, and content."""


def block_files(run: Run) -> tuple[tuple[str, str], ...]:
    """Every file of every block and timeline: its path relative to the report, and what it holds."""
    logs = [
        (f"timeline/{timeline.stack}.log", "a server's log while its timeline was taken")
        for timeline in run.timelines
        if timeline.requests
    ]
    return (*(pair for block in run.blocks for pair in _files_of(block)), *logs)


def _files_of(block: BlockResult) -> Iterator[tuple[str, str]]:
    folder = f"blocks/{block.number:04d}"
    yield f"{folder}/record.json", "what each slice counted"
    yield f"{folder}/latency.hlog", "latency histograms, second by second"
    for stack in sorted(block.ready_s):
        yield f"{folder}/{stack}.log", "a server's log"
