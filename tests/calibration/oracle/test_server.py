"""The oracle does as it was told, and its account is what its client saw."""

from __future__ import annotations

import time
from collections import Counter
from http.client import HTTPConnection

import pytest

from bakeoff.calibration.oracle.behaviour import Behaviour, Bimodal, Fixed, Outcome, Stall, due_ns, outcome_of
from bakeoff.calibration.oracle.process import OracleProcess, start_oracle
from bakeoff.calibration.oracle.truth import outcomes
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
BARE = Behaviour(log=False)
A_MINUTE = Behaviour(delay=Fixed(delay_s=60.0))
LARGE = Behaviour(body_bytes=30_000_000)
"""More than the kernel takes of an answer that nobody reads."""


def outcome_seen(seen: Seen | None) -> Outcome:
    """What a client calls it."""
    if seen is None:
        return Outcome.CLOSED
    if seen.status != 200:
        return Outcome.STATUS
    if not seen.ok:
        return Outcome.WRONG
    if seen.headers.get("connection") == "close":
        return Outcome.LAST
    return Outcome.CHUNKED if "transfer-encoding" in seen.headers else Outcome.RIGHT


def outcomes_of(oracle: OracleProcess) -> dict[str, int]:
    """The outcomes that occurred, with their counts."""
    return {name: count for name, count in oracle.account().outcomes.items() if count}


@pytest.mark.parametrize("behaviour", [BARE, Behaviour(), Behaviour(delay=Fixed(delay_s=0.001))])
def test_a_connection_is_kept_and_every_method_is_answered(behaviour: Behaviour) -> None:
    """Any method and path, with a body or without, over and over on one connection."""
    with start_oracle(behaviour) as oracle:
        client = HTTPConnection("127.0.0.1", oracle.port, timeout=15)
        for method, body in [("GET", None), ("POST", b"x" * 300_000), ("PUT", b"{}"), ("DELETE", None), ("GET", None)]:
            client.request(method, "/any/path?at=all", body)
            response = client.getresponse()
            assert (response.status, response.read()) == (200, b'{"ok": true}')
        client.close()
        account = oracle.account()
    assert (account.received, account.answered_right, account.connections_opened) == (5, 5, 1)


@pytest.mark.parametrize("behaviour", [BARE, Behaviour()])
def test_bytes_may_come_one_by_one(behaviour: Behaviour) -> None:
    """A request is one when its last byte is there, before and after others that came whole."""
    with start_oracle(behaviour) as oracle, wire(oracle) as client:
        assert client.ask()
        for byte in b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc":
            client.send(bytes([byte]))
        assert client.answer()
        assert client.ask()
        assert oracle.account().received == 3


def test_pipelined_requests_are_answered_in_their_order() -> None:
    """A fast answer waits for the slow one before it on the same connection."""
    behaviour = Behaviour(delay=Bimodal(fast_s=0.0, slow_s=0.02, slow_share=0.3), status_every=3)
    with start_oracle(behaviour) as oracle, wire(oracle) as client:
        client.send(GET * 50)
        seen = [outcome_seen(client.answer()) for _ in range(50)]
        log = oracle.log()
    assert seen == [outcome_of(behaviour, number) for number in range(50)] == log.outcome.tolist()
    assert log.answered_ns.tolist() == sorted(log.answered_ns.tolist())


def test_pipelined_requests_are_answered_in_the_bare_loop_too() -> None:
    """The fastest loop leaves none out."""
    with start_oracle(BARE) as oracle, wire(oracle) as client:
        client.send(GET * 500)
        assert all(client.answer() for _ in range(500))
        assert outcomes_of(oracle) == {"right": 500}


@pytest.mark.parametrize("behaviour", [BARE, Behaviour()])
def test_a_client_may_ask_for_the_end_of_its_connection(behaviour: Behaviour) -> None:
    """``Connection: close`` is honoured, and what follows it is lost."""
    with start_oracle(behaviour) as oracle, wire(oracle) as client:
        client.send(GET + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n" + GET)
        assert [outcome_seen(client.answer()) for _ in range(3)] == [Outcome.RIGHT, Outcome.LAST, Outcome.CLOSED]
        assert outcomes_of(oracle) == {"right": 2, "lost": 1}


def one_after_another(oracle: OracleProcess, behaviour: Behaviour, count: int) -> list[Outcome]:
    """What a client sees that sends one request at a time and never trusts a connection that failed it."""
    seen: list[Outcome] = []
    client = Wire(oracle.port)
    for number in range(count):
        if outcome_of(behaviour, number) is Outcome.NEVER:
            client.send(GET)
            wait_until(lambda number=number: oracle.account().received == number + 1)  # type: ignore[misc]
            assert client.is_silent()
            seen.append(Outcome.NEVER)
        else:
            seen.append(outcome_seen(client.ask()))
        if seen[-1] in {Outcome.NEVER, Outcome.CLOSED, Outcome.LAST}:
            client.close()
            client = Wire(oracle.port)
    client.close()
    return seen


def test_the_account_is_what_the_client_saw_of_every_outcome() -> None:
    """Counts, log and truth agree with a client that believes only its own eyes."""
    with start_oracle(EVERY_OUTCOME) as oracle:
        oracle.start_epoch()
        seen = one_after_another(oracle, EVERY_OUTCOME, 80)
        account, log = oracle.account(), oracle.log()
    assert set(seen) == set(Outcome) - {Outcome.LOST, Outcome.PENDING}
    assert seen == outcomes(80, EVERY_OUTCOME).tolist() == log.outcome.tolist()
    assert {name: count for name, count in account.outcomes.items() if count} == {
        outcome.name.lower(): count for outcome, count in Counter(seen).items()
    }
    assert (log.answered_ns == -1).tolist() == [outcome in {Outcome.NEVER, Outcome.CLOSED} for outcome in seen]


def test_what_follows_a_request_that_ends_its_connection_is_lost() -> None:
    """Pipelined behind the last answer, requests are received but cannot be answered."""
    with start_oracle(Behaviour(close_after_answer_every=3)) as oracle, wire(oracle) as client:
        client.send(GET * 5)
        assert [outcome_seen(client.answer()) for _ in range(4)] == [
            Outcome.RIGHT,
            Outcome.RIGHT,
            Outcome.LAST,
            Outcome.CLOSED,
        ]
        assert outcomes_of(oracle) == {"right": 2, "last": 1, "lost": 2}


def test_what_follows_a_request_that_is_never_answered_is_lost() -> None:
    """Answers keep their order, so nothing can pass one that does not come."""
    with start_oracle(Behaviour(never_every=2)) as oracle, wire(oracle) as client:
        client.send(GET * 3)
        assert outcome_seen(client.answer()) is Outcome.RIGHT
        assert client.is_silent()
        assert outcomes_of(oracle) == {"right": 1, "never": 1, "lost": 1}


def test_times_in_the_log_lie_within_those_of_the_client() -> None:
    """Sent, read, due, answered, received: in this order, on one clock."""
    behaviour = Behaviour(delay=Fixed(delay_s=0.003))
    with start_oracle(behaviour) as oracle, wire(oracle) as client:
        oracle.start_epoch()
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
        epoch_ns = oracle.start_epoch()
        clients = [Wire(oracle.port) for _ in range(50)]
        for client in clients:
            client.send(GET)
            time.sleep(0.01)
        for client in clients:
            assert client.answer()
            client.close()
        log = oracle.log()
    due = [due_ns(behaviour, number, int(at) - epoch_ns) for number, at in enumerate(log.arrival_ns)]
    assert len(log) == 50
    assert (log.answered_ns - epoch_ns >= due).all()
    assert max(log.answered_ns - log.arrival_ns) > 20_000_000


def test_an_epoch_starts_with_an_empty_account_and_counts_only_new_connections() -> None:
    """An idle connection lives on, but was opened before."""
    with start_oracle(Behaviour(wrong_every=2)) as oracle, wire(oracle) as old:
        assert outcome_seen(old.ask()) is Outcome.RIGHT
        before_ns = time.monotonic_ns()
        epoch_ns = oracle.start_epoch()
        assert before_ns <= epoch_ns <= time.monotonic_ns()
        assert outcome_seen(old.ask()) is Outcome.RIGHT
        with wire(oracle) as new:
            assert outcome_seen(new.ask()) is Outcome.WRONG
        account = oracle.account()
    assert (account.epoch_ns, account.received, account.rows, account.connections_opened) == (epoch_ns, 2, 2, 1)


def test_an_epoch_forgets_what_is_pending() -> None:
    """No answer of an earlier epoch falls into a later one."""
    with start_oracle(A_MINUTE) as oracle, wire(oracle) as client:
        client.send(GET)
        wait_until(lambda: outcomes_of(oracle) == {"pending": 1})
        oracle.start_epoch()
        assert client.answer() is None
        assert outcomes_of(oracle) == {}


def test_a_client_that_leaves_loses_its_answer() -> None:
    """An answer that is due to nobody is not one."""
    with start_oracle(Behaviour(delay=Fixed(delay_s=0.1))) as oracle:
        with wire(oracle) as client:
            client.send(GET * 2)
            wait_until(lambda: oracle.account().received == 2)
        wait_until(lambda: outcomes_of(oracle) == {"lost": 2})


def test_a_large_answer_is_pending_until_the_kernel_has_all_of_it() -> None:
    """A slow reader gets every byte, in order, and meanwhile others are served."""
    with start_oracle(LARGE) as oracle, wire(oracle) as slow:
        slow.send(GET * 2)
        wait_until(lambda: outcomes_of(oracle) == {"pending": 2})
        with wire(oracle) as other:
            seen = other.ask()
            assert seen
            assert len(seen.body) == 30_000_000
        assert outcomes_of(oracle) == {"pending": 2, "right": 1}
        assert all(outcome_seen(slow.answer()) is Outcome.RIGHT for _ in range(2))
        assert outcomes_of(oracle) == {"right": 3}


def test_a_large_answer_that_nobody_reads_to_its_end_is_lost() -> None:
    """Half an answer is none."""
    with start_oracle(LARGE) as oracle:
        with wire(oracle) as client:
            client.send(GET * 2)
            wait_until(lambda: outcomes_of(oracle) == {"pending": 2})
        wait_until(lambda: outcomes_of(oracle) == {"lost": 2})


def test_bytes_that_are_no_request_end_their_connection_and_nothing_else() -> None:
    """What cannot be understood is counted apart; what came before it is served."""
    with start_oracle(Behaviour()) as oracle, wire(oracle) as client:
        assert client.ask()
        with wire(oracle) as mumbling:
            mumbling.send(b"mumble\r\n\r\n")
            assert mumbling.answer() is None
        assert client.ask()
        account = oracle.account()
    assert (account.malformed, account.received) == (1, 2)


def test_control_requests_do_not_overtake_ordinary_ones() -> None:
    """On a connection with something pending they are refused."""
    with start_oracle(A_MINUTE) as oracle, wire(oracle) as client:
        client.send(GET + b"GET /__account HTTP/1.1\r\n\r\n")
        assert client.answer() is None
        assert oracle.account().received == 1


def test_many_clients_come_and_go() -> None:
    """Every connection is counted, and descriptors that are used again are not mixed up."""
    with start_oracle(Behaviour(log=False)) as oracle:
        for _ in range(5):
            clients = [Wire(oracle.port) for _ in range(100)]
            for client in clients:
                client.send(GET)
            assert all(client.answer() for client in clients)
            for client in clients:
                client.close()
        account = oracle.account()
    assert (account.connections_opened, account.answered_right) == (500, 500)
