"""Measures every server and every app of the bakery, and keeps both runs as samples.

Run by ``make matrix``; half an hour on a quiet machine. The samples replace ``results/servers`` and ``results/apps``;
they have no reports and no server logs, and do not tell where they were made. ``bakeoff report`` renders them. The exit
code is 1 where a stack has no valid row, or where the samples are larger than a repository should hold.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bakeoff.model import ALL_ENDPOINTS, Manifest, Summary
from bakeoff.results import load_run
from benchmarks.whole_runs import measure

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "results"
EXPERIMENTS = ("servers", "apps")
MAX_BYTES = 1_000_000
"""Of both samples together."""
PLACE, HOST = "/srv/bakery", "bakery"
"""What stands in a sample for the folder and the name of the machine that it was made on."""


def config(name: str) -> Path:
    """The file of an experiment."""
    return Path(__file__).with_name(f"{name}.toml")


def keep(folder: Path, sample: Path) -> None:
    """Copy what other programs read of a run folder, without traces of the machine; replaces an earlier sample."""
    shutil.rmtree(sample, ignore_errors=True)
    sample.mkdir(parents=True)
    (sample / "manifest.json").write_bytes(_anonymous(load_run(folder).manifest))
    for path in (folder / "summary.json", *folder.glob("blocks/*/record.json"), *folder.glob("blocks/*/latency.hlog")):
        copy = sample / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes().replace(str(ROOT).encode(), PLACE.encode()))


def _anonymous(manifest: Manifest) -> bytes:
    """A manifest without the lists of all that was installed; the machine has the versions of what took part."""
    machine = msgspec.structs.replace(manifest.machine, hostname=HOST)
    kept = msgspec.structs.replace(manifest, machine=machine, environments={})
    return msgspec.json.format(msgspec.json.encode(kept)).replace(str(ROOT).encode(), PLACE.encode()) + b"\n"


def without_valid_row(stacks: tuple[str, ...], summary: Summary) -> Iterator[str]:
    """Each stack of which a row is missing or withheld, and why."""
    for name in stacks:
        rows = [row for row in summary.results if (row.stack, row.endpoint) == (name, ALL_ENDPOINTS)]
        reasons = [reason for row in rows if not row.valid for reason in row.withheld]
        if reasons or not rows:
            yield f"{name}: {'; '.join(reasons) or 'nothing was recorded'}"


def size_bytes(folder: Path) -> int:
    """Of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> int:
    """Measure, keep, and tell what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], choices=EXPERIMENTS, help="no others; repeatable")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", choices=("smoke", "quick", "full"), default="full")
    parser.add_argument("--samples", type=Path, default=SAMPLES, help="where they are kept (default: %(default)s)")
    options = parser.parse_args()
    problems: list[str] = []
    for name in options.only or EXPERIMENTS:
        with tempfile.TemporaryDirectory() as scratch:
            whole = measure(config(name), Path(scratch), profile=options.profile, seed=options.seed)
            (summary,) = Path(scratch).glob("*/summary.json")
            keep(summary.parent, options.samples / name)
        stacks = tuple(stack.name for stack in whole.run.manifest.experiment.stacks)
        problems += without_valid_row(stacks, whole.run.summary)
        print(f"{name}: {whole.seconds:.0f} s, {size_bytes(options.samples / name):,} bytes", flush=True)
    total_bytes = sum(size_bytes(options.samples / name) for name in EXPERIMENTS)
    if total_bytes > MAX_BYTES:
        problems.append(f"the samples have {total_bytes:,} bytes, more than {MAX_BYTES:,}")
    print("\n".join(problems), file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
