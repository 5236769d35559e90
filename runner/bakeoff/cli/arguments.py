"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_file(parser: argparse.ArgumentParser) -> None:
    """``[FILE]``: the experiment."""
    parser.add_argument(
        "file", nargs="?", type=Path, default=Path("bakeoff.toml"), help="the experiment (default: bakeoff.toml)"
    )


def add_stack_choice(parser: argparse.ArgumentParser) -> None:
    """``--stack NAME``, repeatable."""
    parser.add_argument("--stack", action="append", default=[], metavar="NAME", help="only this stack; repeatable")


def add_seed_and_out(parser: argparse.ArgumentParser) -> None:
    """``--seed`` and ``--out``: what a new run folder is planned from, and where it goes."""
    parser.add_argument("--seed", type=int, help="seed of the plan (default: drawn, and stored in the manifest)")
    parser.add_argument("--out", type=Path, default=Path("results"), help="where run folders go (default: results)")


def add_backend(parser: argparse.ArgumentParser) -> None:
    """``--backend``: processes or containers."""
    parser.add_argument(
        "--backend",
        choices=("local", "compose"),
        default="local",
        help="where stacks run: local, as processes (default); compose, as containers",
    )


def add_consent(parser: argparse.ArgumentParser) -> None:
    """``--yes-load-this-host``: consent to load deployed stacks on other machines."""
    parser.add_argument(
        "--yes-load-this-host",
        action="store_true",
        help="allow load on stacks whose url is on another host; it may disturb whoever uses them",
    )


def add_generators(parser: argparse.ArgumentParser) -> None:
    """``--generators``, ``--workers`` and their options: who drives the load."""
    group = parser.add_argument_group("generators", "who drives the load (docs/distributed.md)")
    choice = group.add_mutually_exclusive_group()
    choice.add_argument("--generators", type=int, metavar="N", help="N processes on this machine (default: 1)")
    choice.add_argument("--workers", type=int, metavar="N", help="N workers that join from other machines")
    group.add_argument(
        "--listen",
        metavar="HOST:PORT",
        help="where workers find this machine, and the stacks on it (default: 127.0.0.1:5557)",
    )
    add_token_file(group)


def add_token_file(parser: argparse._ActionsContainer) -> None:
    """``--token-file``: what workers and master prove to each other."""
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="holds the token, instead of BAKEOFF_TOKEN")


def add_endpoint_sources(parser: argparse.ArgumentParser) -> None:
    """``--openapi`` and ``--har``: where endpoints come from, in place of the app's own URL map."""
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--openapi", metavar="FILE|URL", help="endpoints from this OpenAPI document")
    choice.add_argument("--har", type=Path, metavar="FILE", help="endpoints from this recording of a browser")
