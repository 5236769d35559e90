"""For CI: the bundled app passes against itself, and fails against a copy that uses a seventh more CPU time."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.gate.inject import inject

CONFIG = Path(__file__).with_name("gate.toml")
BUDGET_S = 150
"""More than the default, because a machine that does other work meanwhile needs more blocks."""
SLOWER_ITERATIONS = 5000
"""About a seventh of the CPU time of a request (measured: 13.8 %)."""
EXPECTED = {"itself": 0, "a slower copy": 1}


def main() -> int:
    """Run both gates; 0 when both end as expected."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        base = inject(folder / "base", {})
        heads = {
            "itself": inject(folder / "same", {}),
            "a slower copy": inject(folder / "slower", {"iterations": SLOWER_ITERATIONS}),
        }
        exit_codes = {name: _gate(base, head, folder / "results") for name, head in heads.items()}
    wrong = [name for name, exit_code in exit_codes.items() if exit_code != EXPECTED[name]]
    for name in wrong:
        print(f"the gate was wrong about the bundled app against {name}", file=sys.stderr)
    return 1 if wrong else 0


def _gate(base: Path, head: Path, out: Path) -> int:
    command = [sys.executable, "-m", "bakeoff", "gate", str(CONFIG), "--base", str(base), "--head", str(head)]
    print(f"\n$ bakeoff gate --base {base.name} --head {head.name}", flush=True)
    stack = ["--stack", "fastapi-uvicorn", "--budget-s", str(BUDGET_S), "--out", str(out)]
    return subprocess.run([*command, *stack], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
