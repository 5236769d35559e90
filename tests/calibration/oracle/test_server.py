"""The oracle does as its behaviour says, and its log agrees with what a client saw."""

from __future__ import annotations

import time
from collections import Counter
from http.client import HTTPConnection

import pytest

from bakeoff.calibration.oracle import (
    COUNT_ONLY,
    Behaviour,
    Bimodal,
    Fixed,
    OracleProcess,
    Outcome,
    Stall,
    start_oracle,
)
from bakeoff.calibration.oracle.behaviour import due_ns, outcome_of
from tests.calibration.oracle.wire import GET, Seen, Wire, wait_until, wire

pytestmark = pytest.mark.e2e

EVERY_OUTCOME = Behaviour(
    delay=Fixed(delay_s=0.001),
    close_every=13,
    never_every=11,
    status_every=7,
    wrong_every=5,
    close_after_answer_every=3,
    chunked_every=2,
)
A_MINUTE = Behaviour(delay=Fixed(delay_s=60.0))


def outcome_seen(seen: Seen | None) -> Outcome:
    """The outcome of an answer as a client sees it."""
    if seen is None:
        return Outcome.CLOSED
    if seen.status != 200:
        return Outcome.WRONG_STATUS
    if not seen.ok:
        return Outcome.WRONG_BODY
    if seen.headers.get("connection") == "close":
        return Outcome.CLOSED_AFTER
    return Outcome.CHUNKED if "transfer-encoding" in seen.headers else Outcome.RIGHT


def outcomes_of(oracle: OracleProcess) -> dict[str, int]:
    """The outcomes that occurred, with their counts."""
    return {name: count for name, count in oracle.outcomes().items() if count}


@pytest.mark.parametrize("behaviour", [COUNT_ONLY, Behaviour(), Behaviour(delay=Fixed(delay_s=0.001))])
def test_a_connection_is_kept_and_every_method_is_answered(behaviour: Behaviour) -> None:
    """Any method and path, with a body or without, over and over on one connection."""
    with start_oracle(behaviour) as oracle:
        client = HTTPConnection("127.0.0.1", oracle.port, timeout=15)
        for method, body in [("GET", None), ("POST", b"x" * 300_000), ("PUT", b"{}"), ("DELETE", None), ("GET", None)]:
            client.request(method, "/any/path?at=all", body)
            response = client.getresponse()
            assert (response.status, response.read()) == (200, b'{"ok": true}')
        client.close()
        assert outcomes_of(oracle) == {"right": 5}


@pytest.mark.parametrize("behaviour", [COUNT_ONLY, Behaviour()])
def test_bytes_may_come_one_by_one(behaviour: Behaviour) -> None:
    """A request counts when its last byte has come, before and after others that came whole."""
    with start_oracle(behaviour) as oracle, wire(oracle) as client:
        assert client.ask()
        for byte in b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc":
            client.send(bytes([byte]))
        assert client.answer()
        assert client.ask()
        assert sum(oracle.outcomes().values()) == 3


def test_pipelined_requests_are_answered_in_their_order() -> None:
    """A fast answer waits for the slow one before it on the same connection."""
    behaviour = Behaviour(delay=Bimodal(fast_s=0.0, slow_s=0.02, slow_share=0.3), status_every=3)
    with start_oracle(behaviour) as oracle, wire(oracle) as client:
        client.send(GET * 50)
        seen = [outcome_seen(client.answer()) for _ in range(50)]
        log = oracle.log()
    assert seen == [outcome_of(behaviour, number) for number in range(50)] == log.outcome.tolist()
    assert log.answered_ns.tolist() == sorted(log.answered_ns.tolist())


def test_pipelined_requests_are_answered_when_only_counting_too() -> None:
    """None is left out."""
    with start_oracle(COUNT_ONLY) as oracle, wire(oracle) as client:
        client.send(GET * 500)
        assert all(client.answer() for _ in range(500))
        assert outcomes_of(oracle) == {"right": 500}


@pytest.mark.parametrize("behaviour", [COUNT_ONLY, Behaviour()])
def test_a_client_may_ask_for_the_end_of_its_connection(behaviour: Behaviour) -> None:
    """``Connection: close`` is honoured, and what follows it is ignored."""
    with start_oracle(behaviour) as oracle, wire(oracle) as client:
        client.send(GET + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n" + GET)
        assert [outcome_seen(client.answer()) for _ in range(3)] == [
            Outcome.RIGHT,
            Outcome.CLOSED_AFTER,
            Outcome.CLOSED,
        ]
        assert outcomes_of(oracle) == {"right": 1, "closed_after": 1}


def one_after_another(oracle: OracleProcess, behaviour: Behaviour, count: int) -> list[Outcome]:
    """What a client sees that sends one request at a time, on a new connection after each failure."""
    seen: list[Outcome] = []
    client = Wire(oracle.port)
    for number in range(count):
        if outcome_of(behaviour, number) is Outcome.UNANSWERED:
            client.send(GET)
            wait_until(lambda number=number: sum(oracle.outcomes().values()) == number + 1)  # type: ignore[misc]
            assert client.is_silent()
            seen.append(Outcome.UNANSWERED)
        else:
            seen.append(outcome_seen(client.ask()))
        if seen[-1] in {Outcome.UNANSWERED, Outcome.CLOSED, Outcome.CLOSED_AFTER}:
            client.close()
            client = Wire(oracle.port)
    client.close()
    return seen


def test_counts_and_log_are_what_the_client_saw_of_every_outcome() -> None:
    """And what the behaviour asks for."""
    with start_oracle(EVERY_OUTCOME) as oracle:
        seen = one_after_another(oracle, EVERY_OUTCOME, 80)
        counts, log = outcomes_of(oracle), oracle.log()
    assert set(seen) == set(Outcome) - {Outcome.LOST, Outcome.PENDING}
    assert seen == [outcome_of(EVERY_OUTCOME, number) for number in range(80)] == log.outcome.tolist()
    assert counts == {outcome.name.lower(): count for outcome, count in Counter(seen).items()}
    assert (log.answered_ns == -1).tolist() == [outcome in {Outcome.UNANSWERED, Outcome.CLOSED} for outcome in seen]


def test_what_follows_a_request_that_ends_its_connection_is_lost() -> None:
    """Pipelined behind the last answer, requests are received but cannot be answered."""
    with start_oracle(Behaviour(close_after_answer_every=3)) as oracle, wire(oracle) as client:
        client.send(GET * 5)
        assert [outcome_seen(client.answer()) for _ in range(4)] == [
            Outcome.RIGHT,
            Outcome.RIGHT,
            Outcome.CLOSED_AFTER,
            Outcome.CLOSED,
        ]
        assert outcomes_of(oracle) == {"right": 2, "closed_after": 1, "lost": 2}


def test_what_follows_a_request_that_is_never_answered_is_lost() -> None:
    """Answers keep their order, so nothing can pass one that does not come."""
    with start_oracle(Behaviour(never_every=2)) as oracle, wire(oracle) as client:
        client.send(GET * 3)
        assert outcome_seen(client.answer()) is Outcome.RIGHT
        assert client.is_silent()
        assert outcomes_of(oracle) == {"right": 1, "unanswered": 1, "lost": 1}


def test_times_in_the_log_lie_within_those_of_the_client() -> None:
    """Sent, read, due, answered, received: in this order, on one clock."""
    behaviour = Behaviour(delay=Fixed(delay_s=0.003))
    with start_oracle(behaviour) as oracle, wire(oracle) as client:
        moments_ns = []
        for _ in range(20):
            sent_ns = time.monotonic_ns()
            client.ask()
            moments_ns.append((sent_ns, time.monotonic_ns()))
        log = oracle.log()
    for (sent_ns, seen_ns), arrival_ns, answered_ns in zip(moments_ns, log.arrival_ns, log.answered_ns, strict=True):
        assert sent_ns <= arrival_ns <= arrival_ns + 3_000_000 <= answered_ns <= seen_ns


def test_nothing_is_answered_before_it_is_due_and_stalls_hold_it_up() -> None:
    """What arrives in a stall is answered after its end, plus the delay."""
    behaviour = Behaviour(delay=Fixed(delay_s=0.002), stall=Stall(every_s=0.3, length_s=0.15, offset_s=0.1))
    with start_oracle(behaviour) as oracle:
        clients = [Wire(oracle.port) for _ in range(50)]
        for client in clients:
            client.send(GET)
            time.sleep(0.01)
        for client in clients:
            assert client.answer()
            client.close()
        log = oracle.log()
    due = [due_ns(behaviour.stall, int(at) - oracle.started_ns, 2_000_000) for at in log.arrival_ns]
    assert len(log) == 50
    assert (log.answered_ns - oracle.started_ns >= due).all()
    assert max(log.answered_ns - log.arrival_ns) > 20_000_000


def test_a_request_is_pending_until_its_answer_is_due() -> None:
    """Nothing is sent before."""
    with start_oracle(A_MINUTE) as oracle, wire(oracle) as client:
        client.send(GET)
        wait_until(lambda: outcomes_of(oracle) == {"pending": 1})
        assert client.is_silent()
        assert oracle.log().outcome.tolist() == [Outcome.PENDING]


def test_a_client_that_leaves_loses_its_answer() -> None:
    """Nobody can read it."""
    with start_oracle(Behaviour(delay=Fixed(delay_s=0.1))) as oracle:
        with wire(oracle) as client:
            client.send(GET * 2)
            wait_until(lambda: sum(oracle.outcomes().values()) == 2)
        wait_until(lambda: outcomes_of(oracle) == {"lost": 2})


@pytest.mark.parametrize(
    "data", [b"mumble\r\n\r\n", b"GET / HTTP/2\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"]
)
@pytest.mark.parametrize("behaviour", [COUNT_ONLY, Behaviour()])
def test_bytes_that_are_not_a_request_end_their_connection_and_nothing_else(behaviour: Behaviour, data: bytes) -> None:
    """What came before them is answered, and so are other clients."""
    with start_oracle(behaviour) as oracle, wire(oracle) as client:
        assert client.ask()
        with wire(oracle) as other:
            assert other.ask()
            other.send(data)
            assert other.answer() is None
        assert client.ask()
        assert outcomes_of(oracle) == {"right": 3}


def test_many_clients_come_and_go() -> None:
    """File descriptors that are used again are not mixed up."""
    with start_oracle(Behaviour(log=False)) as oracle:
        for _ in range(5):
            clients = [Wire(oracle.port) for _ in range(100)]
            for client in clients:
                client.send(GET)
            assert all(client.answer() for client in clients)
            for client in clients:
                client.close()
        assert outcomes_of(oracle) == {"right": 500}
