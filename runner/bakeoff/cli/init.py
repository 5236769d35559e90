"""``bakeoff init``: find the app in a folder and write an experiment for it."""

from __future__ import annotations

import argparse
from pathlib import Path

from bakeoff.cli import DONE, note, show
from bakeoff.cli.arguments import add_endpoint_sources
from bakeoff.cli.interpreters import add_install, may_install
from bakeoff.discover import Discovery, Wishes, discover
from bakeoff.model import UserError
from bakeoff.results import write_file
from bakeoff.stacks.environments import open_builder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=Path("bakeoff.toml"),
        help="the file to write, in the folder of the app (default: bakeoff.toml)",
    )
    parser.add_argument("--app", metavar="MODULE:NAME", help="the app, or a factory: module:create_app()")
    parser.add_argument("--python", metavar="PATH", help="the interpreter that runs the app (default: the project's)")
    add_endpoint_sources(parser)
    add_install(parser)
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def run(options: argparse.Namespace) -> int:
    """Find out about the app and write a new file; what could not be found out is said."""
    file: Path = options.file
    if file.exists() and not options.force:
        raise UserError(f"{file} exists already; name another file, or replace it with --force")
    wishes = Wishes(app=options.app, python=options.python, openapi=options.openapi, har=options.har)
    discovery = find_app(file.parent, wishes, agreed=options.install)
    try:
        write_file(file, discovery.text.encode())
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}; name another file") from None
    for line in discovery.summary:
        show(line)
    for line in discovery.missing:
        note(f"note: {line}")
    if discovery.obstacle:
        show(f"wrote {file}, which cannot be run as it is; edit it, or do what the notes say and use init --force")
    else:
        show(f"wrote {file}; a first answer: bakeoff run {file} --profile quick")
    return DONE


def find_app(folder: Path, wishes: Wishes, *, agreed: bool) -> Discovery:
    """What is found out about the app in a folder, after the installation of servers that it lacks.

    They are installed if the user has ``agreed`` or agrees now. Raises `UserError`.
    """
    discovery = discover(folder, wishes, _say)
    lacking = [server for server in discovery.lacking if may_install(server, discovery.python, agreed)]
    if not lacking:
        return discovery
    builder = open_builder(_say)
    for server in lacking:
        builder.add(discovery.python, server)
    return discover(folder, wishes, _say)


def _say(step: str) -> None:
    note(f"... {step}")
