"""``bakeoff schema``: print the JSON Schema of ``summary.json``."""

from __future__ import annotations

import argparse

import msgspec

from bakeoff.cli import DONE, show
from bakeoff.model import Summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes: nothing."""


def run(_: argparse.Namespace) -> int:
    """Print the schema."""
    show(msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Summary)), indent=2).decode())
    return DONE
