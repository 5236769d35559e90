"""The entry point: finds the command, imports its module and runs it.

Nothing heavy is imported here, and of the commands only the one that was asked for, so that ``--help`` is instant.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import importlib
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from bakeoff.cli import FAILED, USER_ERROR, complain, note, show

COMMANDS = {
    "run": "Measure and compare the stacks of an experiment, and write a report.",
    "gate": "Did this change make it slower? Base and head at once, under one load.",
    "worker": "Drive load for a run on another machine, until it is over.",
    "timeline": "Send one of each request at once to each stack, and show which waited for which.",
    "report": "Render the reports of a run again, from its stored files alone.",
    "resume": "Finish an interrupted run, on the machine that it began on.",
    "compare": "Put runs side by side; each is compared with the first.",
    "index": "List all runs, with their verdicts, on one page.",
    "doctor": "Examine this machine, and certify its load generator against an oracle.",
    "stacks": "List the stacks of an experiment, and the servers that are known.",
    "demo": "Compare the stacks of the demonstration, a bakery, from any folder.",
    "init": "Find the app in a folder, and write an experiment for it.",
    "schema": "Print the JSON Schema of summary.json.",
}
"""Each command with its help. The module of the same name defines ``add_arguments(parser)`` and ``run(options)``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (by default the process's own arguments) and return the exit code."""
    atexit.register(gc.freeze)  # A last collection over all imported modules would take half a second.
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        signal.signal(signal.SIGTERM, _interrupt)
        return int(options.run(options))
    except KeyboardInterrupt:
        note("interrupted; every server was stopped, complete blocks are kept")
        return FAILED
    except Exception as error:
        return _report_failure(error)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments. The namespace's ``run`` is the command's function, which takes the namespace.

    Raises `SystemExit` after ``--help`` and ``--version``, and with 2 when the arguments are wrong.
    """
    parser = _Parser(
        prog="bakeoff",
        description="Compare Python web stacks, WSGI and ASGI, with numbers that a sceptic would accept.",
        epilog="Exit codes: 0 done, 1 regression, 2 your mistake, 3 inconclusive, invalid or failed.",
    )
    parser.add_argument("--version", action=_Version, help="show program's version number and exit")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    requested = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, help_text in COMMANDS.items():
        command_parser = subparsers.add_parser(name, help=help_text, description=help_text)
        if name == requested:
            command = importlib.import_module(f"bakeoff.cli.{name}")
            command.add_arguments(command_parser)
            command_parser.set_defaults(run=command.run)
    return parser.parse_args(arguments)


class _Parser(argparse.ArgumentParser):
    """Prints wrong arguments as every other message."""

    def error(self, message: str) -> NoReturn:
        complain(f"{self.format_usage()}{self.prog}: error: {message}")
        self.exit(USER_ERROR)


class _Version(argparse.Action):
    """Looks up the version only when it is asked for: the look-up is slow."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(nargs=0, **settings)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        show(f"bakeoff {version('bakeoff')}")
        parser.exit()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _report_failure(error: Exception) -> int:
    """Print what went wrong and return the exit code. Python's own would be 1, which means a regression."""
    from bakeoff.model import BakeoffError, UserError  # Imports numpy, which --help must not wait for.

    if isinstance(error, UserError):
        note(str(error))
        return USER_ERROR
    if isinstance(error, BakeoffError):
        note(f"failed: {error}")
        return FAILED
    complain("".join(traceback.format_exception(error)).rstrip())
    note("failed: this is a bug in Bakeoff; please report it with the lines above")
    return FAILED
