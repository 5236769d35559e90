"""Both pollers tell the same."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from bakeoff.calibration.oracle.poller import READABLE, WRITABLE, Poller, best_poller, poll_poller


@pytest.mark.parametrize("new", [best_poller, poll_poller])
def test_a_poller_tells_what_can_be_done(new: Callable[[], Poller]) -> None:
    """Readable when bytes are there, writable when asked for, silent when forgotten."""
    poller = new()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        poller.register(ours.fileno(), READABLE)
        assert poller.wait(0.0, 8) == []
        poller.modify(ours.fileno(), READABLE | WRITABLE)
        assert poller.wait(-1.0, 8) == [(ours.fileno(), WRITABLE)]
        theirs.send(b"x")
        assert poller.wait(-1.0, 8) == [(ours.fileno(), READABLE | WRITABLE)]
        poller.unregister(ours.fileno())
        assert poller.wait(0.001, 8) == []
