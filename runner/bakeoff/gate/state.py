"""A gate as it goes on: blocks come in, and after each it goes on, confirms, or ends. Pure: time is told to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bakeoff.gate.decision import (
    FIRST_LOOK_BLOCKS,
    Bounds,
    Effects,
    Fractions,
    Hypotheses,
    Key,
    confirmed,
    errors_rose,
    look_at,
    measured_in_all,
    not_passed,
    suspects,
)
from bakeoff.model import Counts, GateSettings, GateVerdict

CONFIRMING_BLOCKS = 6
"""Fresh blocks that a suspicion is tried on; time for them is kept in reserve."""
BLOCKS_WITH_ERRORS = 2
"""Blocks in which the head must have more errors than the base: one mishap is not a regression."""


@dataclass(frozen=True)
class Measured:
    """What one block says."""

    effects: Effects
    base: Counts
    head: Counts


@dataclass
class Trial:
    """All blocks so far, and what they led to."""

    settings: GateSettings
    block_s: float = 0.0
    """How long a block takes: the mean so far."""
    blocks: list[Measured] = field(default_factory=list)
    tests: Hypotheses = field(default_factory=Hypotheses)
    bounds: tuple[Bounds, ...] = ()
    suspected: tuple[Key, ...] = ()
    suspected_at: int | None = None
    """How many blocks there were when a suspicion arose that is being tried."""
    regressed: tuple[Key, ...] = ()
    rejected: bool = False
    """A suspicion was not confirmed."""
    verdict: GateVerdict | None = None

    def add(self, measured: Measured, elapsed_s: float, block_s: float) -> GateVerdict | None:
        """Take in a block, ``elapsed_s`` after the gate began; the verdict, once there is one."""
        self.blocks.append(measured)
        self.block_s += (block_s - self.block_s) / len(self.blocks)
        if self._errors_rose():
            self.verdict = "regression"
        elif self.suspected_at is not None:
            self._confirm(elapsed_s)
        else:
            self._look(elapsed_s)
        return self.verdict

    def _errors_rose(self) -> bool:
        worse = sum(block.head.errors > block.base.errors for block in self.blocks)
        sides = [[block.base for block in self.blocks], [block.head for block in self.blocks]]
        (base_errors, base), (head_errors, head) = (
            (sum(one.errors for one in side), sum(one.requests for one in side)) for side in sides
        )
        return worse >= BLOCKS_WITH_ERRORS and errors_rose(base_errors, base, head_errors, head)

    def _look(self, elapsed_s: float) -> None:
        if len(self.blocks) < FIRST_LOOK_BLOCKS:
            self._end_if_spent(elapsed_s)
            return
        fractions = Fractions(
            suspect=self._fraction(elapsed_s, CONFIRMING_BLOCKS), passing=self._fraction(elapsed_s, 0)
        )
        self.bounds = look_at(self._effects(), fractions, self.tests, self.settings.tolerances)
        found = suspects(self.bounds)
        if found and self._blocks_to_come(elapsed_s) >= CONFIRMING_BLOCKS:
            self.suspected, self.suspected_at = found, len(self.blocks)
        elif not not_passed(self.bounds, self.settings.tolerances):
            self.verdict = "pass"
        else:
            self._end_if_spent(elapsed_s)

    def _fraction(self, elapsed_s: float, reserved: int) -> float:
        """The share of the blocks there is time for, some of them reserved, that is there."""
        to_come = max(0, self._blocks_to_come(elapsed_s) - reserved)
        return len(self.blocks) / (len(self.blocks) + to_come)

    def _blocks_to_come(self, elapsed_s: float) -> int:
        """How many more blocks there is time for."""
        return max(0, int((self.settings.budget_s - elapsed_s) / self.block_s))

    def _end_if_spent(self, elapsed_s: float) -> None:
        if self._blocks_to_come(elapsed_s) == 0:
            self.verdict = "inconclusive"

    def _confirm(self, elapsed_s: float) -> None:
        assert self.suspected_at is not None
        fresh = self._effects()[self.suspected_at :]
        if len(fresh) < CONFIRMING_BLOCKS and self._blocks_to_come(elapsed_s):
            return
        self.regressed = confirmed(fresh, self.suspected, self.settings.tolerances)
        if self.regressed:
            self.verdict = "regression"
            whole = Fractions(suspect=1.0, passing=1.0)
            self.bounds = look_at(self._effects(), whole, self.tests, self.settings.tolerances)
            return
        self.rejected, self.suspected, self.suspected_at = True, (), None
        self._look(elapsed_s)

    @property
    def blocks_expected(self) -> int:
        """A guess at how many more blocks there will be, one at least, for a progress bar."""
        return max(1, 2 * FIRST_LOOK_BLOCKS - len(self.blocks)) + (CONFIRMING_BLOCKS if self.suspected_at else 0)

    def _effects(self) -> Sequence[Effects]:
        return [block.effects for block in self.blocks]

    def effects_of(self, key: Key) -> list[float]:
        """A metric's effects, block by block."""
        return [block.effects[key] for block in self.blocks]

    @property
    def measured(self) -> list[Key]:
        """The metrics that every block has."""
        return measured_in_all(self._effects())
