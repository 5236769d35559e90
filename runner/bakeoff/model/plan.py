"""What is planned: blocks of slices."""

from __future__ import annotations

from bakeoff.model.base import Struct
from bakeoff.model.experiment import Load


class Slice(Struct, frozen=True, kw_only=True):
    """One uninterrupted stretch of load on one stack."""

    position: int
    stack: str
    scenario: str
    load: Load
    seed: int


class Block(Struct, frozen=True, kw_only=True):
    """One fresh start of every stack, measured in slices, then stopped."""

    number: int
    start_order: tuple[str, ...]
    hash_seed: int
    """``PYTHONHASHSEED`` of every server in this block."""
    port_seed: int
    slices: tuple[Slice, ...]
