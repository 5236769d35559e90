"""The command line: one function a verb, each of which calls what does the work.

Imports are made where they are needed, so that ``--help`` does not wait for numpy.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bakeoff.errors import BakeoffError, UserError

DONE, REGRESSION, USERS_MISTAKE, FAILED = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
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
    _add_timeline(verbs)
    _add_report(verbs)
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


def _add_timeline(verbs: Any) -> None:
    parser = _verb(verbs, "timeline", _timeline, "A cake and a frosting at once on each stack: who waited for whom.")
    _add_file(parser)
    _add_backend(parser)


def _add_report(verbs: Any) -> None:
    parser = _verb(verbs, "report", _report, "Render the reports of a run again, from its stored files alone.")
    parser.add_argument("run", type=Path, help="a run folder")


def _add_stacks(verbs: Any) -> None:
    parser = _verb(verbs, "stacks", _stacks, "List the stacks of an experiment, and the servers that are known.")
    _add_file(parser)


def _add_init(verbs: Any) -> None:
    parser = _verb(verbs, "init", _init, "Write an experiment to start your own from.")
    parser.add_argument("file", nargs="?", type=Path, default=Path("bakeoff.toml"), help="(default: bakeoff.toml)")


def _add_schema(verbs: Any) -> None:
    _verb(verbs, "schema", _schema, "Print the JSON Schema of summary.json.")


def _run(options: argparse.Namespace) -> int:
    from bakeoff import verbs

    return verbs.run(
        options.file,
        options.stack,
        options.scenario,
        options.profile,
        options.blocks,
        options.seed,
        options.out,
        options.backend,
        options.yes_load_this_host,
    )


def _timeline(options: argparse.Namespace) -> int:
    from bakeoff import verbs

    return verbs.timeline(options.file, options.stack, options.backend)


def _doctor(_: argparse.Namespace) -> int:
    from bakeoff import verbs

    return verbs.doctor()


def _report(options: argparse.Namespace) -> int:
    from bakeoff import verbs

    return verbs.render_again(options.run)


def _stacks(options: argparse.Namespace) -> int:
    from bakeoff import verbs

    return verbs.list_stacks(options.file, options.stack)


def _init(options: argparse.Namespace) -> int:
    from bakeoff import verbs

    return verbs.init(options.file)


def _schema(_: argparse.Namespace) -> int:
    from bakeoff import verbs

    return verbs.print_schema()
