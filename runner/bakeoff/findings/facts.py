"""What surrounds the numbers, in plain words: how sure they are, what was withheld, how and where they were taken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from bakeoff.findings.numerals import count, listing, merged, mib, number, percent, plural, shape
from bakeoff.model import ALL_ENDPOINTS, BlockResult, ClosedLoad, Condition, Load, Result, Run, load_words


class Withheld(NamedTuple):
    """One reason, and every place where it, or one that differs only in its numbers, kept something back."""

    reason: str
    places: tuple[str, ...]


def withheld(run: Run) -> tuple[Withheld, ...]:
    """Everything that is not shown, by reason."""
    alike: dict[str, list[tuple[str, str]]] = {}
    for row in run.summary.results:
        for reason in row.withheld:
            alike.setdefault(shape(reason), []).append((reason, _place(run, row)))
    return tuple(_grouped(several) for several in alike.values())


def _grouped(several: list[tuple[str, str]]) -> Withheld:
    reasons = [reason for reason, _ in several]
    if len(set(reasons)) == 1:
        return Withheld(reasons[0], tuple(dict.fromkeys(place for _, place in several)))
    return Withheld(merged(reasons), tuple(f"{place}: {reason}" for reason, place in several))


def _place(run: Run, row: Result) -> str:
    endpoint = "all endpoints" if row.endpoint == ALL_ENDPOINTS else row.endpoint
    return f"{row.stack} at {run.title(Condition(row.scenario, row.load))}, {endpoint}"


# --- how sure --------------------------------------------------------------------------------------------------------


def how_sure(run: Run) -> tuple[str, ...]:
    """What the intervals mean, how many rows held up, and whether the load generator did."""
    return tuple(sentence for sentence in (_state(run), _intervals(run), _rows(run), _generator(run)) if sentence)


def _state(run: Run) -> str:
    if run.manifest.state == "complete":
        return ""
    why = f": {run.manifest.error.rstrip('.')}" if run.manifest.error else ""
    word = "failed" if run.manifest.state == "failed" else "did not finish"
    return f"This run {word}{why}. What it measured until then is shown."


def _intervals(run: Run) -> str:
    done, asked = run.measured_blocks, run.manifest.experiment.blocks
    if not done:
        return ""
    if done == 1:
        return "There is only one block, so there are no intervals: nothing here tells how much the numbers vary."
    short = f" of the {asked} asked for" if done != asked else ""
    return (
        f"Numbers in brackets are {percent(run.confidence_level)} confidence intervals over "
        f"{plural(done, 'block')}{short}: fresh starts of every stack, not requests, are what is counted."
    )


def _rows(run: Run) -> str:
    rows = run.summary.results
    if not rows:
        return "There is no row of results."
    bad = sum(not row.valid for row in rows)
    partly = sum(row.valid and bool(row.withheld) for row in rows)
    found = f"{count(len(rows) - bad)} of {plural(len(rows), 'row')} passed every check"
    kept_back = f"; {count(bad)} withheld" if bad else ""
    leave = "leaves" if partly == 1 else "leave"
    parts = f"; {count(partly)} {leave} out a number that could not be measured" if partly else ""
    return f"{found}{kept_back}{parts}."


def _generator(run: Run) -> str:
    found = run.summary.generator
    if not found.certified:
        why = "; ".join(found.reasons) or "it was not checked"
        return f"The load generator is not certified: {why}."
    return "The load generator was certified before the run: " + _ceilings(run) + "."


def _ceilings(run: Run) -> str:
    found = run.summary.generator
    parts = ["it measured known delays and stalls rightly"] if found.oracle else []
    if found.closed_ceiling_rps is not None:
        parts.append(f"it can drive {number(found.closed_ceiling_rps)} requests a second with waiting users")
    if found.open_ceiling_rps is not None:
        parts.append(f"it can send {number(found.open_ceiling_rps)} a second on time")
    if found.send_lag_us:
        parts.append(f"requests left late by {_lag(found.send_lag_us)}")
    return listing(parts) or "no figures were recorded"


def _lag(lag_us: dict[str, float]) -> str:
    names = {"p50": "median", "p99": "p99", "p999": "p99.9"}
    return listing([f"{number(value)} \N{MICRO SIGN}s ({names.get(name, name)})" for name, value in lag_us.items()])


# --- how it was measured ---------------------------------------------------------------------------------------------


def method(run: Run) -> tuple[tuple[str, str], ...]:
    """The method, point by point: its name, and what was done."""
    return (
        ("Blocks", _blocks(run)),
        ("Order", _order(run)),
        ("Slices", _slices(run)),
        ("Load", _loads(run)),
        ("Statistics", _statistics(run)),
        ("Checks", CHECKS),
    )


def _blocks(run: Run) -> str:
    slices = [record for record in run.records if record.failure is None]
    sent = sum(counts.offered for record in slices for counts in record.endpoints)
    return (
        "A block starts every stack afresh, proves that all of them give the same answers, measures each in turn, and "
        f"stops them. This run left {plural(run.measured_blocks, 'block')} with {plural(len(slices), 'slice')} "
        f"and {plural(sent, 'request')}. The block is the unit of statistics: requests of one start are too much "
        "alike to count as so many independent observations."
    )


def _order(run: Run) -> str:
    turn = ", then back again, so that a drift hits all of them alike" if run.manifest.experiment.passes > 1 else ""
    return (
        f"Within a block, stacks take turns in a random order{turn}. One is measured at a time; the others are up but "
        f"idle. All draws come from seed {run.manifest.seed}."
    )


def _slices(run: Run) -> str:
    asked = run.manifest.experiment
    return (
        f"A slice is at least {asked.slice_s:g} s long, longer where answers are slow (up to {asked.max_slice_s:g} s), "
        f"and comes after at least {asked.warmup_s:g} s of warm-up under the same load."
    )


def _loads(run: Run) -> str:
    return " ".join(_load(load) for load in run.manifest.experiment.loads)


def _load(load: Load) -> str:
    if isinstance(load, ClosedLoad):
        return (
            f"{load_words(load)}: a closed loop. Each user waits for its answer before it asks again, which "
            "finds the ceiling of a stack but hides its stalls."
        )
    when = "at random (Poisson), " if load.arrivals == "poisson" else ""
    return (
        f"{load_words(load)}: an open loop. Requests come {when}whatever the server does, and latency counts "
        "from the moment at which a request was due."
    )


def _statistics(run: Run) -> str:
    asked = run.manifest.experiment
    return (
        "Estimates are geometric means over blocks, with Student's interval on the logarithms. Candidate and baseline "
        "are compared block by block; p comes from flipping the signs of the blocks' log ratios, corrected for the "
        f"number of candidates (Holm). A difference counts at p of {asked.alpha:g} or less; two stacks are the same "
        f"when the whole interval lies within {percent(asked.margin)}."
    )


CHECKS = (
    "Only right answers count as served. Before a row is shown, it is checked: every request has one outcome; users "
    "equal throughput times latency (Little's law); the slice outlasted its queue; the load generator had time to "
    "spare; idle stacks were idle. A row that fails is withheld, with the reason."
)


# --- where -----------------------------------------------------------------------------------------------------------


def machine(run: Run) -> tuple[tuple[str, str], ...]:
    """The machine, as pairs of name and value."""
    found = run.manifest.machine
    return (
        ("processor", f"{found.cpu_model}, {plural(found.cores, 'core')}"),
        ("cores for servers", _cores(found.server_cpus)),
        ("cores for the load", _cores(found.generator_cpus)),
        ("memory", mib(found.memory_bytes)),
        ("system", f"{found.system} {found.kernel}"),
        ("host", found.hostname),
        ("Python", found.python),
        *run.manifest.place.items(),
    )


def _cores(numbers: tuple[int, ...]) -> str:
    return ", ".join(str(number_) for number_ in numbers) or "not pinned"


def about(run: Run) -> tuple[tuple[str, str], ...]:
    """The run itself, as pairs of name and value."""
    found = run.manifest
    return (
        ("run", found.run_id),
        ("started", moment(found.started_utc)),
        *(("resumed", moment(stamp)) for stamp in found.resumed_utc),
        ("finished", moment(found.finished_utc) if found.finished_utc else "it did not"),
        ("profile", found.profile),
        ("seed", str(found.seed)),
        ("experiment", found.experiment.path or found.experiment.name),
    )


RAW_FILES = (
    ("summary.json", "every number on this page"),
    ("manifest.json", "what was asked, where, with which seed"),
    ("blocks/", "each block's records, histograms and server logs"),
    ("figures/", "the pictures as files"),
    ("report.md", "this report as Markdown"),
)
"""Beside the report in the run's folder."""


def block_files(run: Run) -> tuple[tuple[str, str], ...]:
    """Every file of every block, and of the timelines: its path from the report, and what it holds."""
    told = (each for each in run.timelines if each.requests)
    logs = ((f"timeline/{each.stack}.log", "a server's log while its timeline was taken") for each in told)
    return (*(pair for block in run.blocks for pair in _files_of(block)), *logs)


def _files_of(block: BlockResult) -> Iterator[tuple[str, str]]:
    folder = f"blocks/{block.number:04d}"
    yield f"{folder}/record.json", "what each slice counted"
    yield f"{folder}/latency.hlog", "latency histograms, second by second"
    for stack in sorted(block.ready_s):
        yield f"{folder}/{stack}.log", "a server's log"


def moment(stamp: str) -> str:
    """A stored UTC time as people write it: ``2025-11-23 11:17 UTC``; anything else as it stands."""
    try:
        found = datetime.fromisoformat(stamp)
    except ValueError:
        return stamp
    return f"{found.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
