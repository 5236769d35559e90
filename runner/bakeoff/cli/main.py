"""The command line: one function a verb, each of which calls what does the work.

Imports are made where they are needed, so that ``--help`` does not wait for numpy.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bakeoff.model import BakeoffError, UserError

DONE, REGRESSION, USERS_MISTAKE, FAILED = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    atexit.register(gc.freeze)  # A last collection over all that was imported would take half a second, for nothing.
    parser = _parser()
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(options.verb(options))
    except UserError as error:
        print(f"bakeoff: {error}", file=sys.stderr)
        return USERS_MISTAKE
    except BakeoffError as error:
        print(f"bakeoff: failed: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("bakeoff: interrupted; every server was stopped, complete blocks are kept", file=sys.stderr)
        return FAILED
    except Exception:  # Python would exit with 1, and 1 says regression.
        traceback.print_exc()
        print("bakeoff: failed: this is no mistake of yours; please report it, with the lines above", file=sys.stderr)
        return FAILED


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bakeoff",
        description="Compare Python web stacks, WSGI and ASGI, with numbers that a sceptic would accept.",
        epilog="Exit codes: 0 done, 1 regression, 2 your mistake, 3 inconclusive, invalid or failed.",
    )
    parser.add_argument("--version", action="version", version=_version())
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add_run(verbs)
    _add_gate(verbs)
    _add_worker(verbs)
    _add_timeline(verbs)
    _add_report(verbs)
    _add_resume(verbs)
    _add_compare(verbs)
    _add_index(verbs)
    _verb(verbs, "doctor", _doctor, "Examine this machine, and certify its load generator against an oracle.")
    _add_stacks(verbs)
    _add_init(verbs)
    _add_schema(verbs)
    return parser


def _version() -> str:
    from importlib.metadata import version

    return f"bakeoff {version('bakeoff')}"


def _verb(verbs: Any, name: str, function: Any, help_text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=help_text, description=help_text)
    parser.set_defaults(verb=function)
    return parser


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", type=Path, default=Path("bakeoff.toml"), help="the experiment (default: bakeoff.toml)"
    )
    parser.add_argument("--stack", action="append", default=[], metavar="NAME", help="only this stack; repeatable")


def _add_run(verbs: Any) -> None:
    parser = _verb(verbs, "run", _run, "Measure and compare the stacks of an experiment, and write a report.")
    _add_file(parser)
    parser.add_argument("--scenario", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    parser.add_argument(
        "--profile",
        choices=("smoke", "quick", "full"),
        default="full",
        help="full: as the file says (default); quick: the fewest and shortest slices that can tell stacks apart; "
        "smoke: one block, to see that everything works",
    )
    parser.add_argument("--blocks", type=int, help="how often to start everything afresh")
    parser.add_argument("--seed", type=int, help="seed of the plan (default: drawn, and stored in the manifest)")
    parser.add_argument("--out", type=Path, default=Path("results"), help="where run folders go (default: results)")
    _add_backend(parser)
    _add_consent(parser)
    _add_generators(parser)


def _add_consent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--yes-load-this-host",
        action="store_true",
        help="load stacks with a url on hosts other than this one, which is asked for because it may hurt them",
    )


def _add_backend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--backend",
        choices=("local", "compose"),
        default="local",
        help="where stacks run: local, as processes (default); compose, as containers",
    )


def _add_generators(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("generators", "who drives the load (docs/distributed.md)")
    choice = group.add_mutually_exclusive_group()
    choice.add_argument("--generators", type=int, metavar="N", help="so many processes on this machine (default: 1)")
    choice.add_argument("--workers", type=int, metavar="N", help="so many that join from other machines")
    group.add_argument(
        "--listen",
        metavar="HOST:PORT",
        help="where workers find this machine, and the stacks on it (default: 127.0.0.1:5557)",
    )
    _add_token_file(group)


def _add_token_file(parser: Any) -> None:
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="holds the token, instead of BAKEOFF_TOKEN")


def _add_worker(verbs: Any) -> None:
    parser = _verb(verbs, "worker", _worker, "Drive load for a run on another machine, until it is over.")
    parser.add_argument("--master", required=True, metavar="HOST:PORT", help="where `bakeoff run --workers N` listens")
    parser.add_argument("--generators", type=int, default=1, metavar="N", help="join N times (default: 1)")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(),
        help="a copy of the experiment's folder, for its Locust files (default: this one)",
    )
    _add_token_file(parser)


def _add_gate(verbs: Any) -> None:
    parser = _verb(verbs, "gate", _gate, "Did this change make it slower? Base and head at once, under one load.")
    parser.add_argument(
        "file", nargs="?", type=Path, default=Path("bakeoff.toml"), help="the experiment (default: bakeoff.toml)"
    )
    parser.add_argument("--base", required=True, metavar="REF|DIR", help="what to compare with: git ref or directory")
    parser.add_argument("--head", metavar="REF|DIR", help="what to judge (default: the working tree)")
    parser.add_argument("--stack", metavar="NAME", help="whose app is judged (default: [gate] stack, or the baseline)")
    parser.add_argument("--budget-s", type=float, metavar="SECONDS", help="time to decide in (default: 120)")
    parser.add_argument(
        "--against", type=Path, metavar="RUN", help="an earlier gate: compare with its head too, as weaker evidence"
    )
    parser.add_argument(
        "--despite-differences",
        action="store_true",
        help="even if machine, software or workload differ from that gate's",
    )
    parser.add_argument("--seed", type=int, help="seed of the plan (default: drawn, and stored in the manifest)")
    parser.add_argument("--out", type=Path, default=Path("results"), help="where run folders go (default: results)")
    _add_backend(parser)


def _add_timeline(verbs: Any) -> None:
    parser = _verb(verbs, "timeline", _timeline, "A cake and a frosting at once on each stack: who waited for whom.")
    _add_file(parser)
    _add_backend(parser)


def _add_report(verbs: Any) -> None:
    parser = _verb(verbs, "report", _report, "Render the reports of a run again, from its stored files alone.")
    parser.add_argument("run", type=Path, help="a run folder")


def _add_resume(verbs: Any) -> None:
    parser = _verb(verbs, "resume", _resume, "Finish an interrupted run, on the machine that it began on.")
    parser.add_argument("run", type=Path, help="a run folder")
    _add_consent(parser)


def _add_compare(verbs: Any) -> None:
    parser = _verb(verbs, "compare", _compare, "Put runs side by side; each is compared with the first.")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="two or more run folders, the oldest first")
    parser.add_argument(
        "--across-machines", action="store_true", help="compare runs of different machines, and label every number so"
    )
    parser.add_argument(
        "--out", type=Path, help="the page to write (default: compare.html in the folder that holds the first run)"
    )


def _add_index(verbs: Any) -> None:
    parser = _verb(verbs, "index", _index, "List all runs, with their verdicts, on one page.")
    parser.add_argument(
        "results", nargs="?", type=Path, default=Path("results"), help="where run folders are (default: results)"
    )


def _add_stacks(verbs: Any) -> None:
    parser = _verb(verbs, "stacks", _stacks, "List the stacks of an experiment, and the servers that are known.")
    _add_file(parser)


def _add_init(verbs: Any) -> None:
    parser = _verb(verbs, "init", _init, "Write an experiment to start your own from.")
    parser.add_argument("file", nargs="?", type=Path, default=Path("bakeoff.toml"), help="(default: bakeoff.toml)")


def _add_schema(verbs: Any) -> None:
    _verb(verbs, "schema", _schema, "Print the JSON Schema of summary.json.")


def _run(options: argparse.Namespace) -> int:
    from bakeoff.cli.run import Asked, run
    from bakeoff.load.source import read_source

    return run(
        Asked(
            file=options.file,
            stacks=options.stack,
            scenarios=options.scenario,
            profile=options.profile,
            blocks=options.blocks,
            seed=options.seed,
            out=options.out,
            backend=options.backend,
            may_load=options.yes_load_this_host,
            source=read_source(options.generators, options.workers, options.listen, options.token_file),
        )
    )


def _gate(options: argparse.Namespace) -> int:
    from bakeoff.cli.gate import Asked, gate

    return gate(
        Asked(
            file=options.file,
            base=options.base,
            head=options.head,
            stack=options.stack,
            budget_s=options.budget_s,
            against=options.against,
            despite_differences=options.despite_differences,
            seed=options.seed,
            out=options.out,
            backend=options.backend,
        )
    )


def _worker(options: argparse.Namespace) -> int:
    from bakeoff.cli.worker import worker

    return worker(options.master, options.generators, options.directory, options.token_file)


def _timeline(options: argparse.Namespace) -> int:
    from bakeoff.cli.examine import timeline

    return timeline(options.file, options.stack, options.backend)


def _doctor(_: argparse.Namespace) -> int:
    from bakeoff.cli.examine import doctor

    return doctor()


def _report(options: argparse.Namespace) -> int:
    from bakeoff.cli.pages import render_again

    return render_again(options.run)


def _resume(options: argparse.Namespace) -> int:
    from bakeoff.cli.run import resume

    return resume(options.run, may_load=options.yes_load_this_host)


def _compare(options: argparse.Namespace) -> int:
    from bakeoff.cli.pages import compare

    return compare(options.runs, options.out, across_machines=options.across_machines)


def _index(options: argparse.Namespace) -> int:
    from bakeoff.cli.pages import index

    return index(options.results)


def _stacks(options: argparse.Namespace) -> int:
    from bakeoff.cli.author import list_stacks

    return list_stacks(options.file, options.stack)


def _init(options: argparse.Namespace) -> int:
    from bakeoff.cli.author import init

    return init(options.file)


def _schema(_: argparse.Namespace) -> int:
    from bakeoff.cli.author import print_schema

    return print_schema()
