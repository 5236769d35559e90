"""The audit of a run, on a table that others have published: it withholds what cannot be, and keeps the rest.

Source: granian's benchmarks of 21 May 2025, "Long I/O", the rows of ASGI and WSGI servers
(https://github.com/emmett-framework/granian/blob/02f683950c22f962a7cd9c04851c8dd6a3cd1c30/benchmarks/vs.md). Each row
is given as published: waiting in an answer, connections, requests a second, mean latency. Tests of 10 s.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bakeoff.analysis import reasons_to_withhold
from bakeoff.model import Certificate, ClosedLoad
from tests.analysis.measured import Slices, row


@dataclass(frozen=True)
class Published:
    server: str
    wait_s: float
    connections: int
    throughput_rps: float
    latency_s: float

    @property
    def allowed_rps(self) -> float:
        """What its connections can make, each with one request at a time: Little's law."""
        return self.connections / self.wait_s

    def withheld(self) -> list[str]:
        """What the audit says of it: the waiting is what a request takes without load."""
        slices = Slices(
            load=ClosedLoad(users=self.connections),
            throughput_rps=self.throughput_rps,
            latency_s=self.latency_s,
            unloaded_s=self.wait_s,
            window_s=10.0,
            blocks=1,
        )
        whole = row(slices)
        return reasons_to_withhold(whole, whole, Certificate())


HYPERCORN = Published("Hypercorn", 0.1, 128, 6_441, 0.019829)
UWSGI = Published("uWSGI", 0.1, 128, 16_474, 0.007696)
UWSGI_10_MS = Published("uWSGI", 0.01, 512, 16_412, 0.02075)
POSSIBLE = (
    Published("Granian ASGI", 0.01, 512, 46_495, 0.01099),
    Published("Granian ASGI", 0.1, 512, 5_050, 0.101),
    Published("Granian WSGI", 0.01, 512, 42_024, 0.012165),
    Published("Granian WSGI", 0.1, 512, 5_051, 0.100391),
    Published("uvicorn httptools", 0.01, 512, 31_111, 0.016425),
    Published("uvicorn httptools", 0.1, 512, 5_046, 0.100763),
    Published("Hypercorn", 0.01, 128, 6_456, 0.019781),
    Published("gunicorn gevent", 0.01, 128, 8_598, 0.01486),
    Published("gunicorn gevent", 0.1, 512, 5_052, 0.100758),
)


@pytest.mark.parametrize(("published", "allowed_rps"), [(HYPERCORN, "1,280"), (UWSGI, "1,280")])
def test_answers_in_less_time_than_they_wait_are_withheld(published: Published, allowed_rps: str) -> None:
    """128 connections with 100 ms each make 1,280 requests a second, not five and thirteen times as many.

    Throughput x latency is the number of connections in these rows, so that alone does not show it.
    """
    assert published.allowed_rps == pytest.approx(1280)
    (reason,) = published.withheld()
    assert f"at most {allowed_rps} requests/s" in reason


def test_throughput_and_latency_that_leave_users_idle_are_withheld() -> None:
    """16,412/s of 20.75 ms are 341 requests at a time: a third of the 512 connections had no answer."""
    (reason,) = UWSGI_10_MS.withheld()
    assert reason.startswith("Little's law: 512 users, but throughput x latency is 34")


@pytest.mark.parametrize("published", POSSIBLE, ids=lambda row: f"{row.server}, {row.wait_s * 1e3:g} ms")
def test_rows_that_the_laws_allow_are_kept(published: Published) -> None:
    assert published.throughput_rps <= published.allowed_rps
    assert published.withheld() == []
