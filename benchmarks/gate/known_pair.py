"""The bundled app against itself must pass; against a copy that burns a seventh more CPU it must fail. For CI."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.gate.plant import plant

CONFIG = Path(__file__).with_name("gate.toml")
BUDGET_S = 150
"""More than the default: a machine that runs CI beside other work needs more blocks to be sure."""
SLOWER_TURNS = 5000
"""About a seventh of what a request costs here (measured: 13.8 %)."""
EXPECTED = {"itself": 0, "a slower copy": 1}


def main() -> int:
    """Both gates; 0 when both said what they must."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        base = plant(place / "base", {})
        heads = {"itself": plant(place / "same", {}), "a slower copy": plant(place / "slower", {"turns": SLOWER_TURNS})}
        wrong = [name for name, head in heads.items() if _gate(base, head, place / "results") != EXPECTED[name]]
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
