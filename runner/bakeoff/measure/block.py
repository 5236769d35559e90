"""One block: every stack started afresh, its answers compared, each slice measured, every stack stopped."""

from __future__ import annotations

import time
from pathlib import Path

from bakeoff.load.generator import LoadGenerator
from bakeoff.load.messages import TASK
from bakeoff.measure.context import RunContext
from bakeoff.measure.record import failed_record
from bakeoff.measure.slice import measure_slice
from bakeoff.model import Block, BlockResult, Experiment, Interval, Record, Scenario, UserError
from bakeoff.stacks import Answered, StacksUnderTest, difference, rules_of, started

ASKED_AGAIN = 4
"""At most. Each time has a connection of its own, which may reach another worker."""
ASKED_AGAIN_FOR_S = 2.0
"""After this time, stacks that differ are not asked again, except for the first time."""


def measure_block(
    experiment: Experiment, block: Block, logs: Path, context: RunContext
) -> tuple[BlockResult, list[Interval]]:
    """Measure every slice of a block. Slices of a stack that failed become failed records.

    In the first block, nothing is measured unless there are two stacks to compare, or the only one runs.
    """
    records: list[Record] = []
    intervals: list[Interval] = []
    with started(experiment.stacks, block, logs, context.backend) as stacks:
        for name, problem in ask_and_compare(experiment, stacks, context.generator).items():
            stacks[name].fail("answers", problem)
        unfailed = sum(stack.failure is None for stack in stacks.values())
        nothing_to_compare = block.number == 0 and unfailed < min(2, len(stacks))
        for planned in block.slices:
            failure = stacks[planned.stack].failure
            if nothing_to_compare and not failure:
                continue
            if failure:
                record = failed_record(block.number, planned, failure, time.time())
            else:
                record, histograms = measure_slice(experiment, block.number, planned, stacks, context)
                intervals += histograms
                context.observer.slice_measured(planned, histograms)
            context.observer.slice_ended(record)
            records.append(record)
    return block_result(block.number, records, stacks), intervals


def block_result(number: int, records: list[Record], stacks: StacksUnderTest) -> BlockResult:
    """What a block leaves: its records and what was observed of its stacks."""
    return BlockResult(
        number=number,
        records=tuple(records),
        ready_s={name: stack.ready_s for name, stack in stacks.items() if stack.ready_s is not None},
        unloaded_s={name: stack.unloaded_s for name, stack in stacks.items() if stack.unloaded_s},
        extensions={name: stack.extensions for name, stack in stacks.items() if stack.is_running},
    )


def ask_and_compare(experiment: Experiment, stacks: StacksUnderTest, generator: LoadGenerator) -> dict[str, str]:
    """Ask each running stack alone, note its latencies without load, and return how answers differ, by stack.

    Answers are compared with the baseline's; where the baseline does not run or answers wrongly, with those of the
    first stack that answers rightly. A stack whose answers are wrong, or make a task raise, has failed.

    Raises `UserError` when tasks raise whichever stack answers.
    """
    differences: dict[str, str] = {}
    running = [stack for stack in stacks.values() if stack.is_running]
    running.sort(key=lambda stack: stack.stack.name != experiment.baseline)
    for scenario in experiment.scenarios:
        right: dict[str, Answered] = {}
        raised: list[str] = []
        for stack in running:
            answers = generator.ask(scenario.name, stack.url)
            stack.note_answers(answers)
            raised += [answer.problem for answer in answers if answer.problem and answer.endpoint == TASK][:1]
            if not any(answer.problem for answer in answers):
                right[stack.stack.name] = Answered(stack.url, answers)
        if raised and len(raised) == len(running):
            raise UserError(
                f"scenario {scenario.name!r}: {raised[0]}; fix it, or try it alone with: "
                "locust -f FILE --headless -u 1 -t 5s"
            )
        differences = _differences(experiment, scenario, right, generator) | differences
    return differences


def _differences(
    experiment: Experiment, scenario: Scenario, right: dict[str, Answered], generator: LoadGenerator
) -> dict[str, str]:
    """How answers to a scenario differ from those of the first stack, by stack.

    Where they do, both stacks are asked again, a few times: what changes with time, or from one worker to the next,
    then differs between answers of one stack.
    """
    rules = rules_of(experiment, scenario)
    deadline_s = time.monotonic() + ASKED_AGAIN_FOR_S

    def compared(names: list[str]) -> dict[str, str]:
        problems = {name: difference(right[names[0]], right[name], rules) for name in names[1:]}
        return {name: problem for name, problem in problems.items() if problem}

    problems = compared([*right])
    for repeat in range(ASKED_AGAIN):
        if not problems or (repeat and time.monotonic() > deadline_s):
            break
        suspects = [next(iter(right)), *problems]
        for name in suspects:
            right[name] = right[name].with_later(generator.ask(scenario.name, right[name].url))
        problems = compared(suspects)
    return problems
