"""Certifies the load generator against an oracle that does exactly as it is told, and keeps its own account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bakeoff.calibration.certify import QUANTILES, check_accounting, check_percentiles, shortcomings, true_latencies_s
from bakeoff.calibration.oracle.account import Log
from bakeoff.calibration.oracle.behaviour import Behaviour, Bimodal, Delay, Fixed, Lognormal, Stall
from bakeoff.calibration.oracle.process import OracleProcess, start_oracle
from bakeoff.load.generator import FixedLength, LoadGenerator
from bakeoff.load.messages import Drive, Driven, Second
from bakeoff.model import (
    Certificate,
    ClosedLoad,
    Histogram,
    HistogramKind,
    Load,
    OpenLoad,
    OracleCheck,
    Scenario,
    arrivals_until_s,
    window_rng,
)

SCENARIO = Scenario(name="oracle", locustfile=str(Path(__file__).parent / "oracle" / "scenario.py"))
SEED = 1
QUICK_RATE_RPS = 1_000.0
FULL_RATE_RPS = 2_000.0
RATES_RPS = (2_000.0, 5_000.0, 10_000.0, 15_000.0, 20_000.0)
"""Open-loop rates that are tried, in turn, for the ceiling."""

SUSTAINED_LAG_S = 0.005
"""p99 of the send lag beyond which a rate does not count as sustained."""

FAULTS = Behaviour(
    delay=Fixed(delay_s=0.001),
    close_every=17,
    never_every=211,
    status_every=13,
    wrong_every=11,
    close_after_answer_every=7,
    chunked_every=5,
)
_PATIENCE_S = 0.3
"""Time limit of requests in the accounting cases, where some are never answered."""


@dataclass(frozen=True)
class Measured:
    """What one drive against an oracle gave."""

    driven: Driven
    seconds: Sequence[Second]

    def histogram(self, kind: HistogramKind) -> Histogram:
        """All of one kind together."""
        return Histogram.merge(Histogram.decode(second.blob) for second in self.seconds if second.kind == kind)

    def percentiles_s(self, kind: HistogramKind) -> dict[str, float | None]:
        """p50 to p99.9 of one kind."""
        histogram = self.histogram(kind)
        return {name: histogram.quantile_s(quantile) for name, quantile in QUANTILES.items()}

    @property
    def rate_rps(self) -> float:
        """Right answers a second."""
        return sum(counts.completed for counts in self.driven.endpoints) / self.driven.window_s


class Doctor:
    """Examines one generator, with oracles on the CPUs of the servers."""

    def __init__(self, generator: LoadGenerator, server_cpus: Sequence[int], say: Callable[[str], None]) -> None:
        self._generator = generator
        self._cpus = frozenset(server_cpus) or None
        self._say = say
        generator.use(SCENARIO)

    def short_certificate(self) -> Certificate:
        """The certificate that each run carries: ceilings, lag, one stall, accounting. About six seconds."""
        return self._certificate(slice_s=0.5, rate_rps=QUICK_RATE_RPS, rates_rps=(2_000.0, 10_000.0), delays={})

    def certificate(self) -> Certificate:
        """The whole examination, in under half a minute."""
        delays: dict[str, Delay] = {
            "lognormal 5 ms": Lognormal(median_s=0.005, sigma=0.5),
            "bimodal 2 or 50 ms": Bimodal(fast_s=0.002, slow_s=0.05, slow_share=0.05),
        }
        return self._certificate(slice_s=1.6, rate_rps=FULL_RATE_RPS, rates_rps=RATES_RPS, delays=delays)

    def _certificate(
        self, slice_s: float, rate_rps: float, rates_rps: Sequence[float], delays: dict[str, Delay]
    ) -> Certificate:
        with start_oracle(Behaviour(log=False), self._cpus) as oracle:
            closed_rps = self._closed_ceiling(oracle, slice_s)
            open_rps, lag_s = self._open_ceiling(oracle, slice_s, rates_rps)
        checks = list(self._stall(slice_s, rate_rps))
        for case, delay in delays.items():
            checks += self._delay(case, delay, slice_s, rate_rps)
        for load in (ClosedLoad(users=32), OpenLoad(rate_rps=rate_rps)):
            checks += self._accounting(load, slice_s)
        reasons = shortcomings(checks, lag_s)
        return Certificate(
            closed_ceiling_rps=closed_rps,
            open_ceiling_rps=open_rps,
            send_lag_us={name: value * 1e6 for name, value in lag_s.items() if value is not None},
            oracle=tuple(checks),
            certified=not reasons,
            reasons=reasons,
        )

    def _closed_ceiling(self, oracle: OracleProcess, slice_s: float) -> float:
        self._say("ceiling, closed loop")
        return self._drive(oracle, ClosedLoad(users=32), slice_s).rate_rps

    def _open_ceiling(
        self, oracle: OracleProcess, slice_s: float, rates_rps: Sequence[float]
    ) -> tuple[float | None, dict[str, float | None]]:
        """The highest rate that was sustained, and the send lag at the lowest."""
        ceiling_rps: float | None = None
        first_lag_s: dict[str, float | None] = {}
        for rate_rps in rates_rps:
            self._say(f"ceiling, open loop at {rate_rps:,.0f}/s")
            measured = self._drive(oracle, OpenLoad(rate_rps=rate_rps), slice_s)
            lag_s = measured.percentiles_s("lag")
            first_lag_s = first_lag_s or lag_s
            if (lag_s["p99"] or 1.0) > SUSTAINED_LAG_S:
                break
            ceiling_rps = measured.rate_rps
        return ceiling_rps, first_lag_s

    def _stall(self, slice_s: float, rate_rps: float) -> tuple[OracleCheck, ...]:
        """A server that answers after 5 ms, but stops for a fifth of each period: do the percentiles show it?"""
        self._say("an oracle that stalls")
        length_s = slice_s / 5
        behaviour = Behaviour(delay=Fixed(delay_s=0.005), stall=Stall(every_s=slice_s, length_s=length_s, offset_s=0.3))
        with start_oracle(behaviour, self._cpus) as oracle:
            oracle.start_epoch()
            load = OpenLoad(rate_rps=rate_rps)
            measured = self._drive(oracle, load, 2 * slice_s)
            truth_s = true_latencies_of(load, measured.driven, oracle.log())
        case = f"5 ms with a stall of {length_s * 1e3:g} ms every {slice_s:g} s"
        return check_percentiles(case, measured.percentiles_s("latency"), truth_s)

    def _delay(self, case: str, delay: Delay, slice_s: float, rate_rps: float) -> tuple[OracleCheck, ...]:
        """Answers of spread delays: the server's own account of how long each took, from arrival to answer."""
        self._say(f"an oracle with {case}")
        with start_oracle(Behaviour(delay=delay), self._cpus) as oracle:
            oracle.start_epoch()
            measured = self._drive(oracle, OpenLoad(rate_rps=rate_rps), slice_s)
            log = oracle.log()
        before = sum(counts.offered for counts in measured.driven.warmup)
        truth_s = (log.answered_ns - log.arrival_ns)[before : before + measured.histogram("service").total] / 1e9
        return check_percentiles(case, measured.percentiles_s("service"), truth_s)

    def _accounting(self, load: Load, slice_s: float) -> tuple[OracleCheck, ...]:
        """Every fault there is, at once: not one request may be lost or counted as something else."""
        kind = "closed" if isinstance(load, ClosedLoad) else "open"
        self._say(f"an oracle with every fault, {kind} loop")
        with start_oracle(FAULTS, self._cpus) as oracle:
            oracle.start_epoch()
            driven = self._drive(oracle, load, slice_s, timeout_s=_PATIENCE_S).driven
            served = oracle.account().outcomes
        return check_accounting(f"every fault, {kind} loop", driven.endpoints + driven.warmup + driven.drain, served)

    def _drive(self, oracle: OracleProcess, load: Load, slice_s: float, timeout_s: float = 10.0) -> Measured:
        return drive_oracle(self._generator, SCENARIO, oracle, load, slice_s, timeout_s)


def drive_oracle(
    generator: LoadGenerator,
    scenario: Scenario,
    oracle: OracleProcess,
    load: Load,
    slice_s: float,
    timeout_s: float = 10.0,
) -> Measured:
    """One slice against an oracle."""
    order = Drive(
        scenario=scenario.name,
        targets={"": oracle.url},
        load=load,
        seed=SEED,
        warmup_s=0.2,
        max_warmup_s=5.0,
        timeout_s=timeout_s,
        max_connections=2048,
        queue_limit_s=5.0,
    )
    return Measured(*generator.drive(order, FixedLength(slice_s)))


def true_latencies_of(load: OpenLoad, driven: Driven, log: Log) -> NDArray[np.float64]:
    """The latencies of a window's arrivals as the oracle's account has them, in seconds.

    The intended times are drawn again from the seed. The answers are those to the requests that the oracle read after
    the warm-up's, as many as were intended.
    """
    intended_ns = driven.opened_ns + (arrivals_until_s(window_rng(SEED), load, driven.window_s) * 1e9).astype(np.int64)
    before = sum(counts.offered for counts in driven.warmup)
    sent = sum(
        counts.offered for counts in driven.endpoints
    )  # An arrival at the very end may fall on either side of it.
    return true_latencies_s(intended_ns[:sent], log.answered_ns[before : before + sent][: len(intended_ns)])
