"""Measures every server and every app of the bakery, and keeps both runs as samples.

Run by ``make matrix``; half an hour on a quiet machine. The samples replace ``results/servers`` and ``results/apps``;
they have no reports and no server logs, and do not tell where they were made. ``docs/servers.md`` is then made from
both. The exit code is 1 where a stack has no valid row, or where the samples are larger than a repository should hold.
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
from bakeoff.results import load_run, write_log
from benchmarks.matrix.page import page
from benchmarks.whole_runs import measure

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "results"
PAGE = ROOT / "docs" / "servers.md"
EXPERIMENTS = ("servers", "apps")
MAX_BYTES = 1_000_000
"""Of both samples together."""
PLACE, HOST = "/srv/bakery", "bakery"
"""What stands in a sample for the folder and the name of the machine that it was made on."""
KINDS = ("latency", "error")
"""Histograms that a sample keeps. The others tell of the generator, and the audit that reads them is in the summary."""


def config(name: str) -> Path:
    """The file of an experiment."""
    return Path(__file__).with_name(f"{name}.toml")


def keep(folder: Path, sample: Path) -> None:
    """Store a run again without traces of the machine, and as small as it gets; replaces an earlier sample."""
    run = load_run(folder)
    shutil.rmtree(sample, ignore_errors=True)
    _write(sample / "manifest.json", _anonymous(run.manifest))
    _write(sample / "summary.json", run.summary)
    for block in run.blocks:
        part = sample / "blocks" / f"{block.number:04d}"
        _write(part / "record.json", block)
        kept = [interval for interval in run.intervals if interval.block == block.number and interval.kind in KINDS]
        (part / "latency.hlog").write_text(write_log(kept), "utf-8")


def _anonymous(manifest: Manifest) -> Manifest:
    """A manifest without the lists of all that was installed; the machine has the versions of what took part."""
    machine = msgspec.structs.replace(manifest.machine, hostname=HOST)
    return msgspec.structs.replace(manifest, machine=machine, environments={})


def _write(path: Path, value: msgspec.Struct) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(value).replace(str(ROOT).encode(), PLACE.encode()) + b"\n")


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
    parser.add_argument("--page", type=Path, default=PAGE, help="the page (default: %(default)s)")
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
    samples = {name: options.samples / name for name in EXPERIMENTS if (options.samples / name).exists()}
    options.page.write_text(page({name: load_run(sample) for name, sample in samples.items()}), "utf-8")
    total_bytes = sum(map(size_bytes, samples.values()))
    if total_bytes > MAX_BYTES:
        problems.append(f"the samples have {total_bytes:,} bytes, more than {MAX_BYTES:,}")
    print("\n".join(problems), file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
