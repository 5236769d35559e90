"""``compare.html``: runs side by side, each against the first. Every label that a difference asks for is on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from bakeoff.analysis.changes import COMPARED, Change, changes_between, conditions_in_common
from bakeoff.analysis.fingerprint import ABSENT, PARTS, Fingerprint, Part, fingerprint_of
from bakeoff.analysis.metrics import METRICS
from bakeoff.findings import facts
from bakeoff.findings.grid import MISSING, Cell, Grid, Head
from bakeoff.findings.headline import headline
from bakeoff.findings.numerals import DASH, TIMES, interval, listing, number, plural, ratio
from bakeoff.model import Condition, Estimate, Metric, Result, Run, Stack
from bakeoff.report.bars import Bar, Track, tracks
from bakeoff.report.html import environment
from bakeoff.report.terminal import clean

# Wong 2011, after Okabe and Ito, as in `style`; the letter tells runs apart where colour does not.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LABELS: dict[Part, str] = {
    "machine": "different machines",
    "software": "different software",
    "workload": "different workloads",
}
CAVEAT = (
    "Runs are made at different times, and a machine is never the same twice. So a verdict is about a stack held "
    "against the baseline of the first run, measured beside it in the same blocks: what slowed both cancels. A change "
    "of the baseline itself shows as the opposite change of all others. To be surer still, put both versions into one "
    "experiment, as two stacks."
)
NO_REFERENCE = (
    "There is nothing to hold the stacks against, because the runs do not share a baseline and another stack. These "
    "verdicts are about the plain numbers, and what else the machine did is in them."
)
REFERENCE = "reference"


@dataclass(frozen=True)
class Side:
    """One run on the page: its letter, and how it changed from the first."""

    letter: str
    colour: str
    run: Run
    href: str
    """Its report, relative to the page."""
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class SideBySide:
    """Two runs or more, the first of which is what the others are compared with."""

    sides: tuple[Side, ...]

    @property
    def first(self) -> Side:
        """What the others are compared with."""
        return self.sides[0]

    @property
    def others(self) -> tuple[Side, ...]:
        """All but the first."""
        return self.sides[1:]

    @property
    def fingerprints(self) -> tuple[Fingerprint, ...]:
        """Of each run."""
        return tuple(fingerprint_of(side.run.manifest) for side in self.sides)

    @property
    def labels(self) -> tuple[str, ...]:
        """What every table has to say about where its numbers come from; empty where all runs agree."""
        prints = self.fingerprints
        parts = [part for part in PARTS if any(each.facts(part) != prints[0].facts(part) for each in prints)]
        return (*(LABELS[part] for part in parts), *(["different settings"] if _different_stacks(self) else []))


def side_by_side(runs: Sequence[tuple[Run, str]]) -> SideBySide:
    """Runs with the addresses of their reports, each compared with the first."""
    first = runs[0][0]
    return SideBySide(
        tuple(
            Side(
                letter=LETTERS[at],
                colour=COLOURS[at % len(COLOURS)],
                run=run,
                href=href,
                changes=changes_between(first, run) if at else (),
            )
            for at, (run, href) in enumerate(runs)
        )
    )


def render(compared: SideBySide) -> bytes:
    """The whole page."""
    return (
        environment()
        .get_template("compare.html.j2")
        .render(
            sides=compared.sides,
            first=compared.first,
            answers=answers(compared),
            beside=beside(compared),
            labels=compared.labels,
            cautions=cautions(compared),
            runs=run_grid(compared),
            differences=difference_grid(compared),
            panels=panels(compared),
            own_answers=[(side, headline(side.run).text) for side in compared.sides],
        )
        .encode()
    )


# --- words -----------------------------------------------------------------------------------------------------------


def answers(compared: SideBySide) -> tuple[str, ...]:
    """What changed from the first run to each of the others, the largest change first."""
    return tuple(_answer(compared, side) for side in compared.others)


def told(compared: SideBySide) -> str:
    """The same for a terminal, with the labels."""
    labels = [f"Beware: {', '.join(compared.labels)}."] if compared.labels else []
    which = [f"{side.letter}  {side.run.manifest.run_id}" for side in compared.sides]
    parts = [which, _lines(compared), [*labels, *answers(compared), *beside(compared)], cautions(compared)]
    return "\n\n".join("\n".join(map(clean, lines)) for lines in parts)


def _lines(compared: SideBySide) -> list[str]:
    """Each change of what tells stacks apart, one a line, in columns."""
    rows = [_line(compared, side, change) for side in compared.others for change in _main(side)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _line(compared: SideBySide, side: Side, change: Change) -> tuple[str, ...]:
    plain = f"{METRICS[change.metric].heading} {ratio(change.plain)}"
    where = compared.first.run.title(_case(change))
    held = f"vs baseline {ratio(change.ratio)}" if change.reference and change.verdict else ""
    over = f"{side.letter} / {compared.first.letter}"
    return over, change.stack, where, plain, held, change.verdict or REFERENCE


def _answer(compared: SideBySide, side: Side) -> str:
    between = f"From {compared.first.letter} to {side.letter}"
    main = [change for change in _main(side) if change.verdict]
    if not main:
        return f"{between}, nothing can be compared: no stack has a valid row in both at the same load."
    sure = sorted((one for one in main if one.verdict in ("faster", "slower")), key=_size, reverse=True)
    found = listing([_told(compared, change) for change in sure]) if sure else _nothing_in(main)
    return f"{between}, {found}{_rest(main)}."


def _nothing_in(main: Sequence[Change]) -> str:
    metrics = dict.fromkeys(METRICS[change.metric].label for change in main)
    return f"no stack changed for sure in {' or '.join(metrics)}"


def beside(compared: SideBySide) -> tuple[str, ...]:
    """Sure changes of what is not the main metric of its load."""
    found = [
        f"From {compared.first.letter} to {side.letter}, {_told(compared, change)}"
        for side in compared.others
        for change in sorted(side.changes, key=_size, reverse=True)
        if change not in _main(side) and change.verdict in ("faster", "slower")
    ]
    return tuple(f"{sentence}." for sentence in found)


def _main(side: Side) -> list[Change]:
    """The changes of what tells stacks apart at each load."""
    return [change for change in side.changes if change.metric == _case(change).main_metric]


def _rest(main: Sequence[Change]) -> str:
    """How many of the changes are none, or not known to be any."""
    same = sum(change.verdict == "same" for change in main)
    unsure = sum(change.verdict == "inconclusive" for change in main)
    if unsure == len(main) > 1:
        return f": all {unsure} comparisons are inconclusive"
    parts = [f"{same} stayed the same to within the margin"] if same else []
    parts += [f"{unsure} {'is' if unsure == 1 else 'are'} inconclusive"] if unsure else []
    return f"; of {plural(len(main), 'comparison')}, {listing(parts)}" if parts else ""


def _told(compared: SideBySide, change: Change) -> str:
    where = compared.first.run.title(_case(change))
    held = f", held against {change.reference}" if change.reference else ""
    what = f"{ratio(change.ratio)} the {METRICS[change.metric].label}{held}"
    return f"{change.stack} got {change.verdict} at {where} ({what})"


def cautions(compared: SideBySide) -> tuple[str, ...]:
    """What a reader must know before believing a change."""
    main = [change for side in compared.others for change in _main(side)]
    bare = [NO_REFERENCE] if any(change.reference is None for change in main) else []
    return (*bare, *_drift(compared), CAVEAT)


def _drift(compared: SideBySide) -> list[str]:
    """How the reference itself moved, where it surely did."""
    moved = [
        f"{change.stack} itself had {ratio(change.plain)} the {METRICS[change.metric].label} in {side.letter} at "
        f"{compared.first.run.title(_case(change))}"
        for side in compared.others
        for change in _main(side)
        if change.verdict is None and _excludes_one(change.plain)
    ]
    return [f"The reference moved: {listing(moved)}."] if moved else []


def _excludes_one(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.high is not None and not estimate.low <= 1 <= estimate.high


def _size(change: Change) -> tuple[bool, float]:
    """Throughput of closed loads first, as in a report; then the larger change."""
    return change.metric == "throughput", max(change.ratio.point, 1 / change.ratio.point)


def _case(change: Change) -> Condition:
    return Condition(change.scenario, change.load)


# --- tables ----------------------------------------------------------------------------------------------------------


def run_grid(compared: SideBySide) -> Grid:
    """Which run is which."""
    heads = ("run", "started", "profile", "processor", "seed", "fingerprint")
    rows = (_run_cells(side, found) for side, found in zip(compared.sides, compared.fingerprints, strict=True))
    return Grid(labelled("The runs", compared), tuple(Head(title, numeric=False) for title in heads), (*rows,))


def _run_cells(side: Side, found: Fingerprint) -> tuple[Cell, ...]:
    about = side.run.manifest
    return (
        Cell(f"{side.letter}: {about.run_id}", plural(side.run.measured_blocks, "block")),
        Cell(facts.moment(about.started_utc)),
        Cell(about.profile),
        Cell(about.machine.cpu_model, plural(about.machine.cores, "core")),
        Cell(str(about.seed)),
        Cell(found.digest),
    )


def difference_grid(compared: SideBySide) -> Grid:
    """Every fact on which the runs do not agree: of their fingerprints, then of the stacks that they share by name."""
    heads = [Head("", numeric=False), Head("fact", numeric=False)]
    heads += [Head(side.letter, numeric=False) for side in compared.sides]
    rows = [*_different_facts(compared), *_different_stacks(compared)]
    return Grid("What differs", tuple(heads), tuple(rows))


def _different_facts(compared: SideBySide) -> Iterator[tuple[Cell, ...]]:
    for part in PARTS:
        several = [found.facts(part) for found in compared.fingerprints]
        for fact in dict.fromkeys(name for facts_ in several for name in facts_):
            values = [facts_.get(fact, ABSENT) for facts_ in several]
            if len(set(values)) > 1:
                yield (Cell(part), Cell(fact), *map(Cell, values))


def _different_stacks(compared: SideBySide) -> list[tuple[Cell, ...]]:
    found = []
    for name in _stack_names(compared):
        several = [side.run.stack(name) for side in compared.sides]
        values = [_settings(stack) for stack in several]
        if len({value for stack, value in zip(several, values, strict=True) if stack}) > 1:
            found.append((Cell("stack"), Cell(name), *map(Cell, values)))
    return found


def _settings(stack: Stack | None) -> str:
    """How a stack was set up, without its name, the folder that it lies in and the port that it was given."""
    if stack is None:
        return DASH
    told = msgspec.to_builtins(stack)
    kept = {name: value for name, value in told.items() if name not in ("name", "directory", "port") and value}
    return ", ".join(f"{name} {_plain(value)}" for name, value in kept.items())


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={each}" for name, each in value.items())
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _stack_names(compared: SideBySide) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for side in compared.sides for name in side.run.stack_names))


class Panel(NamedTuple):
    """One scenario and load: a picture of what tells stacks apart there, and every metric as a table."""

    title: str
    unit: str
    charts: tuple[tuple[str, tuple[Track, ...]], ...]
    """For each stack, the runs' bars."""
    grid: Grid


def panels(compared: SideBySide) -> tuple[Panel, ...]:
    """One panel for each scenario and load that all runs have."""
    return tuple(_panel(compared, case) for case in conditions_in_common(side.run for side in compared.sides))


def _panel(compared: SideBySide, case: Condition) -> Panel:
    names = [name for name in _stack_names(compared) if any(s.run.result(case, name) for s in compared.sides)]
    title = labelled(compared.first.run.title(case), compared)
    metric = case.main_metric
    bars = [
        Bar(side.letter, side.colour, _estimate(_valid_result(side.run, case, name), metric))
        for name in names
        for side in compared.sides
    ]
    drawn = tracks(bars)
    width = len(compared.sides)
    charts = tuple((name, drawn[at * width : (at + 1) * width]) for at, name in enumerate(names))
    what, unit = METRICS[metric].heading, METRICS[metric].unit
    return Panel(title, f"{what}, {unit}", charts, _metric_grid(compared, case, names, title))


def labelled(title: str, compared: SideBySide) -> str:
    """A table's title, with everything that a reader must know before they compare its columns."""
    return f"{title} ({', '.join(compared.labels)})" if compared.labels else title


def _metric_grid(compared: SideBySide, case: Condition, names: Sequence[str], title: str) -> Grid:
    heads = [Head("stack", numeric=False), Head("metric", numeric=False), *(Head(s.letter) for s in compared.sides)]
    for side in compared.others:
        over = f"{side.letter} / {compared.first.letter}"
        heads += [Head(over, "plain"), Head(over, "vs baseline"), Head("verdict", numeric=False)]
    notes: dict[str, int] = {}
    rows = [_metric_cells(compared, case, name, metric, notes) for name in names for metric in COMPARED]
    return Grid(title, tuple(heads), tuple(rows), tuple(notes))


def _metric_cells(
    compared: SideBySide, case: Condition, name: str, metric: Metric, notes: dict[str, int]
) -> tuple[Cell, ...]:
    interface = next(found for side in compared.sides if (found := side.run.interface_of(name)))
    cells = [Cell(name, interface, kind=interface), Cell(METRICS[metric].heading, METRICS[metric].unit)]
    cells += [_number_cell(side.run, case, name, metric, notes) for side in compared.sides]
    for side in compared.others:
        cells += _change_cells(side, case, name, metric)
    return tuple(cells)


def _number_cell(run: Run, case: Condition, name: str, metric: Metric, notes: dict[str, int]) -> Cell:
    found = _estimate(_valid_result(run, case, name), metric)
    if found is not None:
        return Cell(number(found.point), interval(found))
    reasons = _reasons(run.result(case, name))
    marks = [notes.setdefault(reason, len(notes) + 1) for reason in reasons]
    return Cell(DASH, marks=tuple(marks))


def _reasons(row: Result | None) -> Sequence[str]:
    return ("not part of this run",) if row is None else row.withheld or ("not recorded",)


def _change_cells(side: Side, case: Condition, name: str, metric: Metric) -> tuple[Cell, Cell, Cell]:
    """The plain ratio, the one that the verdict is about, and the verdict."""
    wanted = (name, case.scenario, case.load, metric)
    found = next((one for one in side.changes if (one.stack, one.scenario, one.load, one.metric) == wanted), None)
    if found is None:
        return MISSING, MISSING, Cell("")
    if found.verdict is None:
        return _ratio_cell(found.plain), Cell(REFERENCE, kind="quiet"), Cell("")
    held = _ratio_cell(found.ratio) if found.reference else MISSING
    return _ratio_cell(found.plain), held, Cell(found.verdict, f"p {number(found.p_value)}", kind=found.verdict)


def _ratio_cell(estimate: Estimate) -> Cell:
    return Cell(f"{number(estimate.point)} {TIMES}", interval(estimate))


def _valid_result(run: Run, case: Condition, name: str) -> Result | None:
    found = run.result(case, name)
    return found if found is not None and found.valid else None


def _estimate(row: Result | None, metric: Metric) -> Estimate | None:
    return None if row is None else METRICS[metric].of_result(row)
