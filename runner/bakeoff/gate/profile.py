"""CPU profiles of base and head under the same load, taken with py-spy where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bakeoff.gate.hotspots import hotspots
from bakeoff.measure import RunContext, drive_pair, paired_order
from bakeoff.model import SIDES, Block, ClosedLoad, Experiment, Hotspot
from bakeoff.stacks import RunningStack, Unknown, started

PROFILED_S = 4.0
GRACE_S = 10.0
"""How long py-spy may take to write its output."""
SAMPLES_PER_SECOND = 200
INSTALL = "install py-spy (pip install py-spy) to see where the time goes"


def take_profiles(
    experiment: Experiment, block: Block, logs: Path, context: RunContext
) -> tuple[tuple[Hotspot, ...], str | None]:
    """The functions in which head spends more CPU time, or why there is no profile."""
    program = _py_spy()
    if program is None:
        return (), INSTALL
    with started(experiment.stacks, block, logs, context.backend) as stacks:
        if any(stack.failure or stack.running.pid is None for stack in stacks.values()):
            return (), "no CPU profile: the servers do not run as processes of this machine"
        profilers = {side: _start(program, stacks[side].running, logs / f"{side}.stacks") for side in SIDES}
        closed = ClosedLoad(users=experiment.gate.users)
        order = paired_order(experiment, stacks, closed, block.port_seed)
        paired = drive_pair(order, PROFILED_S, stacks, context.generator)
        problems = [problem for profiler in profilers.values() if (problem := _wait(profiler))]
    if problems:
        return (), f"no CPU profile: py-spy: {problems[0]}"
    cpu_ms = {}
    for side, use in paired.server.items():
        if isinstance(use, Unknown):
            return (), f"no CPU profile: {use.reason}"
        cpu_ms[side] = 1e3 * use.cpu_s / max(1, paired.completed(side))
    base, head = ((logs / f"{side}.stacks").read_text("utf-8") for side in SIDES)
    return hotspots(base, head, cpu_ms), None


def _py_spy() -> str | None:
    beside_python = Path(sys.executable).with_name("py-spy")
    return str(beside_python) if beside_python.exists() else shutil.which("py-spy")


def _start(program: str, running: RunningStack, output: Path) -> subprocess.Popen[str]:
    sampling = ["--duration", f"{PROFILED_S:.0f}", "--rate", str(SAMPLES_PER_SECOND)]
    target = ["--pid", str(running.pid), "--subprocesses", "--format", "raw", "--output", str(output)]
    return subprocess.Popen(
        [program, "record", *sampling, *target],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _wait(profiler: subprocess.Popen[str]) -> str | None:
    """Wait for py-spy to end; the last line of its output if it failed."""
    try:
        output, _ = profiler.communicate(timeout=PROFILED_S + GRACE_S)
    except subprocess.TimeoutExpired:
        profiler.kill()
        profiler.communicate()
        return "it did not end"
    return output.strip().splitlines()[-1] if profiler.returncode and output.strip() else None
