"""Whether the head fails more requests than the base. Pure.

Errors come in bursts: a worker that is restarted breaks all its connections at once. So the block is the unit here too.
That errors have risen is shown by a sign-flip test over blocks. That they may have risen, which keeps a gate from
passing, is judged by a test that takes each error for a chance of its own, and sees a rise sooner.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from bakeoff.gate.effects import BlockCounts
from bakeoff.gate.sequential import Samples
from bakeoff.model import Counts

ALPHA_ERRORS = 0.025
"""Probability that errors, equally likely on both sides, are called a regression, over all looks."""
ALPHA_DOUBT = 0.05
"""One-sided p of a binomial test below which the gate does not pass."""


def excess(blocks: Sequence[BlockCounts]) -> Samples:
    """By how much the head fails more often than the base, shape (1, blocks): above zero is worse.

    The root of the share of requests, whose scatter hardly depends on the share: a burst weighs less.
    """
    return np.array([[_root_share(block.head) - _root_share(block.base) for block in blocks]], dtype=np.float64)


def _root_share(counts: Counts) -> float:
    return float(np.sqrt(counts.errors / max(1, counts.requests)))


def total(blocks: Sequence[BlockCounts]) -> BlockCounts:
    """The requests and errors of all blocks."""
    return BlockCounts(base=_sum([block.base for block in blocks]), head=_sum([block.head for block in blocks]))


def _sum(counts: Sequence[Counts]) -> Counts:
    return Counts(requests=sum(block.requests for block in counts), errors=sum(block.errors for block in counts))


def may_have_risen(blocks: Sequence[BlockCounts]) -> bool:
    """Whether the head has more of all errors than its share of all requests explains (binomial test)."""
    counts = total(blocks)
    base, head = counts.base, counts.head
    if not head.errors:
        return False
    share = head.requests / (base.requests + head.requests)
    test = stats.binomtest(head.errors, base.errors + head.errors, share, alternative="greater")
    return bool(test.pvalue < ALPHA_DOUBT)
