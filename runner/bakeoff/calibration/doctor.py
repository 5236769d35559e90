"""Certifies a load generator: drives oracles with it and compares what it measured with what they logged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bakeoff.analysis import PERCENTILES
from bakeoff.calibration.certify import (
    LAG_LIMITS_S,
    check_accounting,
    check_percentiles,
    offered,
    shortcomings,
    true_latencies_s,
)
from bakeoff.calibration.oracle import (
    COUNT_ONLY,
    Behaviour,
    Bimodal,
    Delay,
    Fixed,
    Lognormal,
    OracleError,
    OracleProcess,
    Stall,
    start_oracle,
)
from bakeoff.load import Drive, Driven, FixedLength, LoadGenerator, Second
from bakeoff.model import Certificate, ClosedLoad, Histogram, HistogramKind, Load, OpenLoad, OracleCheck, Scenario

SCENARIO = Scenario(name="oracle", locustfile=str(Path(__file__).parent / "oracle" / "scenario.py"))
SEED = 1
CLOSED_LOAD = ClosedLoad(users=32)
FAULTS = Behaviour(
    delay=Fixed(delay_s=0.001),
    close_every=17,
    never_every=211,
    status_every=13,
    wrong_every=11,
    close_after_answer_every=7,
    chunked_every=5,
)
FAULTS_TIMEOUT_S = 1.0
"""Time limit of requests to an oracle that never answers some."""


@dataclass(frozen=True)
class Examination:
    """How long and how much is examined."""

    slice_s: float
    rate_rps: float
    """Open-loop rate at which stalls, delays and faults are examined."""
    ceiling_rates_rps: Sequence[float]
    """Open-loop rates that are tried in turn, up to the first that is not sustained."""
    delays: Mapping[str, Delay] = field(default_factory=dict)
    """Delays whose percentiles are checked, with their descriptions."""


SHORT = Examination(slice_s=0.5, rate_rps=1_000.0, ceiling_rates_rps=(2_000.0, 10_000.0))
FULL = Examination(
    slice_s=1.6,
    rate_rps=2_000.0,
    ceiling_rates_rps=(2_000.0, 5_000.0, 10_000.0, 15_000.0, 20_000.0),
    delays={
        "lognormal 5 ms": Lognormal(median_s=0.005, sigma=0.5),
        "bimodal 2 or 50 ms": Bimodal(fast_s=0.002, slow_s=0.05, slow_share=0.05),
    },
)


@dataclass(frozen=True)
class OracleSlice:
    """What the generator measured in one slice on an oracle."""

    driven: Driven
    seconds: Sequence[Second]

    def histogram(self, kind: HistogramKind) -> Histogram:
        """All histograms of one kind, merged."""
        return Histogram.merge(Histogram.decode(second.blob) for second in self.seconds if second.kind == kind)

    def percentiles_s(self, kind: HistogramKind) -> dict[str, float | None]:
        """p50 to p99.9 of one kind."""
        histogram = self.histogram(kind)
        return {name: histogram.quantile_s(quantile) for name, quantile in PERCENTILES.items()}

    @property
    def rate_rps(self) -> float:
        """Right answers a second."""
        return sum(counts.completed for counts in self.driven.endpoints) / self.driven.window_s


@dataclass(frozen=True)
class Case:
    """An oracle, the load that is driven against it, and the comparison of what both say."""

    name: str
    behaviour: Behaviour
    load: Load
    slice_s: float
    check: Callable[[Case, OracleSlice, OracleProcess], tuple[OracleCheck, ...]]
    repeats: int = 4
    """How often it is repeated at most. Wrong times show in every repeat; a lost answer need not."""
    timeout_s: float = 10.0


def cases(examination: Examination) -> tuple[Case, ...]:
    """What is compared with an oracle's log."""
    slice_s, load = examination.slice_s, OpenLoad(rate_rps=examination.rate_rps)
    stall = Stall(every_s=slice_s, length_s=slice_s / 5, offset_s=0.3)
    stalling = Behaviour(delay=Fixed(delay_s=0.005), stall=stall)
    stall_name = f"5 ms with a stall of {stall.length_s * 1e3:g} ms every {stall.every_s:g} s"
    return (
        Case(stall_name, stalling, load, 2 * slice_s, _check_latency),
        *(
            Case(name, Behaviour(delay=delay), load, slice_s, _check_service)
            for name, delay in examination.delays.items()
        ),
        Case(
            "every fault, closed loop",
            FAULTS,
            CLOSED_LOAD,
            slice_s,
            _check_outcomes,
            repeats=1,
            timeout_s=FAULTS_TIMEOUT_S,
        ),
        Case("every fault, open loop", FAULTS, load, slice_s, _check_outcomes, repeats=1, timeout_s=FAULTS_TIMEOUT_S),
    )


def _check_latency(case: Case, measured: OracleSlice, oracle: OracleProcess) -> tuple[OracleCheck, ...]:
    """From the intended send time of each request to the answer that the oracle logged."""
    assert isinstance(case.load, OpenLoad)
    true_s = true_latencies_s(case.load, SEED, measured.driven, oracle.log().answered_ns)
    return check_percentiles(case.name, measured.percentiles_s("latency"), true_s)


def _check_service(case: Case, measured: OracleSlice, oracle: OracleProcess) -> tuple[OracleCheck, ...]:
    """From the arrival of each request in the window to its answer, both as the oracle logged them."""
    log, first = oracle.log(), offered(measured.driven.warmup)
    window = slice(first, first + measured.histogram("service").total)
    true_s = (log.answered_ns[window] - log.arrival_ns[window]) / 1e9
    return check_percentiles(case.name, measured.percentiles_s("service"), true_s)


def _check_outcomes(case: Case, measured: OracleSlice, oracle: OracleProcess) -> tuple[OracleCheck, ...]:
    """The number of requests of each outcome."""
    return check_accounting(case.name, measured.driven, oracle.outcomes())


class Doctor:
    """Examines one generator, with oracles on the CPUs of the servers."""

    def __init__(self, generator: LoadGenerator, server_cpus: Sequence[int], progress: Callable[[str], None]) -> None:
        """``progress`` is called with a description of each step."""
        self._generator = generator
        self._cpus = server_cpus
        self._progress = progress
        generator.use(SCENARIO)

    def short_certificate(self) -> Certificate:
        """The certificate that each run carries: ceilings, lag, a stall, accounting. Takes about six seconds."""
        return self._examine(SHORT)

    def certificate(self) -> Certificate:
        """The whole examination; takes half a minute."""
        return self._examine(FULL)

    def _examine(self, examination: Examination) -> Certificate:
        try:
            with start_oracle(COUNT_ONLY, self._cpus) as oracle:
                closed_rps = self._closed_ceiling_rps(oracle, examination)
                open_rps, lag_s = self._open_ceiling(oracle, examination)
                oracle.outcomes()  # Raises when the oracle has ended.
            checks = [check for case in cases(examination) for check in self._check_until_right(case)]
        except OracleError as error:
            return Certificate(failed=True, reasons=(f"the examination was interrupted: {error}",))
        reasons = shortcomings(checks, lag_s)
        return Certificate(
            closed_ceiling_rps=closed_rps,
            open_ceiling_rps=open_rps,
            send_lag_us={name: value_s * 1e6 for name, value_s in lag_s.items() if value_s is not None},
            oracle=tuple(checks),
            certified=not reasons,
            failed=not all(check.ok for check in checks),
            reasons=reasons,
        )

    def _closed_ceiling_rps(self, oracle: OracleProcess, examination: Examination) -> float:
        self._progress("ceiling, closed loop")
        return drive_oracle(self._generator, SCENARIO, oracle, CLOSED_LOAD, examination.slice_s).rate_rps

    def _open_ceiling(
        self, oracle: OracleProcess, examination: Examination
    ) -> tuple[float | None, dict[str, float | None]]:
        """The highest rate that was sustained (1/s), and percentiles of the send lag (s) at the lowest."""
        ceiling_rps: float | None = None
        lowest_lag_s: dict[str, float | None] = {}
        for rate_rps in examination.ceiling_rates_rps:
            self._progress(f"ceiling, open loop at {rate_rps:,.0f}/s")
            measured = drive_oracle(self._generator, SCENARIO, oracle, OpenLoad(rate_rps=rate_rps), examination.slice_s)
            lag_s = measured.percentiles_s("lag")
            lowest_lag_s = lowest_lag_s or lag_s
            if lag_s["p99"] is None or lag_s["p99"] > LAG_LIMITS_S["p99"]:
                break
            ceiling_rps = measured.rate_rps
        return ceiling_rps, lowest_lag_s

    def _check_until_right(self, case: Case) -> tuple[OracleCheck, ...]:
        """The checks of a case, which is repeated while one fails: another process may have disturbed it."""
        checks = self._check(case)
        for _ in range(case.repeats):
            if all(check.ok for check in checks):
                break
            checks = self._check(case)
        return checks

    def _check(self, case: Case) -> tuple[OracleCheck, ...]:
        self._progress(case.name)
        with start_oracle(case.behaviour, self._cpus) as oracle:
            measured = drive_oracle(self._generator, SCENARIO, oracle, case.load, case.slice_s, case.timeout_s)
            return case.check(case, measured, oracle)


def drive_oracle(
    generator: LoadGenerator,
    scenario: Scenario,
    oracle: OracleProcess,
    load: Load,
    slice_s: float,
    timeout_s: float = 10.0,
) -> OracleSlice:
    """Drive one slice on an oracle; ``timeout_s`` is the time limit of each request."""
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
    return OracleSlice(*generator.drive(order, FixedLength(slice_s)))
