"""What a gate knows so far: the blocks measured, what the last look showed, and the verdict once there is one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bakeoff.gate.bounds import GateTests, MetricBounds, measured_in_all
from bakeoff.gate.effects import BlockCounts, BlockEffects, Effects, MetricKey
from bakeoff.model import GateSettings, GateVerdict


@dataclass(frozen=True)
class Suspicion:
    """A regression that fresh blocks have to confirm."""

    metrics: tuple[MetricKey, ...]
    after_blocks: int
    """How many blocks there were when it arose: the later ones are fresh."""


@dataclass(frozen=True)
class GateState:
    """A gate after some blocks. `decision.decide` makes the next state."""

    settings: GateSettings
    tests: GateTests = field(default_factory=GateTests.start)
    rate_rps: float = 0.0
    """The open loop's rate."""
    notes: tuple[str, ...] = ()
    """What a reader of the report should know."""
    differences: tuple[str, ...] = ()
    """How the head's answers differ from the base's."""
    counts: tuple[BlockCounts, ...] = ()
    """Of all blocks."""
    blocks: tuple[BlockEffects, ...] = ()
    """Without those that were left out."""
    unusable: tuple[str, ...] = ()
    """For each block that was left out, why."""
    elapsed_s: float = 0.0
    """Since the gate began, at the end of the last block."""
    mean_block_s: float = 0.0
    bounds: tuple[MetricBounds, ...] = ()
    """Of the last look."""
    suspicion: Suspicion | None = None
    regressed: tuple[MetricKey, ...] = ()
    """Metrics whose regression fresh blocks confirmed."""
    head_failed: bool = False
    """Whether the head has failed once where the base did not. It may have been an accident."""
    broken_head: str | None = None
    """How the head failed where the base did not, for the second time."""
    rejections: int = 0
    """How often fresh blocks failed to confirm a suspicion."""
    verdict: GateVerdict | None = None

    def with_counts(self, counts: BlockCounts, elapsed_s: float, block_s: float) -> GateState:
        """With one more block, which took ``block_s`` and ended ``elapsed_s`` after the gate began."""
        mean_block_s = self.mean_block_s + (block_s - self.mean_block_s) / (len(self.counts) + 1)
        return replace(self, counts=(*self.counts, counts), elapsed_s=elapsed_s, mean_block_s=mean_block_s)

    def with_block(self, block: BlockEffects) -> GateState:
        """With the effects of the block last counted."""
        return replace(self, blocks=(*self.blocks, block))

    def with_unusable(self, reason: str) -> GateState:
        """Without the effects of the block last counted."""
        return replace(self, unusable=(*self.unusable, reason))

    def with_rate(self, rate_rps: float) -> GateState:
        """With the open loop's rate."""
        return replace(self, rate_rps=rate_rps)

    def with_notes(self, *notes: str) -> GateState:
        """With more notes for the report."""
        return replace(self, notes=(*self.notes, *notes))

    def with_differences(self, differences: tuple[str, ...]) -> GateState:
        """With how the answers differ."""
        return replace(self, differences=differences)

    def with_failed_head(self, reason: str) -> GateState:
        """With a first failure of the head alone: it is to be started again."""
        return replace(self.with_notes(f"{reason}; both were started again"), head_failed=True)

    def with_broken_head(self, reason: str) -> GateState:
        """Ended because the head alone does not start, ends or answers wrongly: that is a regression."""
        return replace(self, broken_head=reason, verdict="regression")

    def invalid(self, reason: str) -> GateState:
        """Ended without a decision."""
        return replace(self.with_notes(reason), verdict="invalid")

    @property
    def effects(self) -> Sequence[Effects]:
        """The effects of each block."""
        return [block.effects for block in self.blocks]

    @property
    def measured(self) -> list[MetricKey]:
        """The metrics that every block has."""
        return measured_in_all(self.effects)

    @property
    def blocks_to_come(self) -> int:
        """How many more blocks there is time for. Needs at least one block."""
        return max(0, int((self.settings.budget_s - self.elapsed_s) / self.mean_block_s))
