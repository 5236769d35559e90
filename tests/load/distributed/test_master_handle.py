"""Workers join a master, and drive an oracle together as if they were one generator."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
import zmq

from bakeoff.calibration import FAULTS, SCENARIO, OracleSlice, check_accounting, drive_oracle
from bakeoff.calibration.oracle import Behaviour, OracleProcess, start_oracle
from bakeoff.load.distributed.master_handle import JoinedWorkers
from bakeoff.load.distributed.protocol import Over
from bakeoff.load.distributed.worker_handle import Enlistment
from bakeoff.load.generator import GeneratorError, GeneratorLost
from bakeoff.model import ClosedLoad, Experiment, Load, OpenLoad, Scenario, UserError
from tests.builders import experiment

pytestmark = pytest.mark.e2e

TOKEN = b"a token of sixteen characters"
HOST = "127.0.0.1"
ASKED = experiment(scenarios=(SCENARIO,))
LOCUSTFILE = """
from bakeoff.load import BakeoffUser, task

class Customer(BakeoffUser):
    @task
    def cake(self):
        self.client.get("/cake")
"""


@dataclass
class Crew:
    """A master, and workers of this machine that join it."""

    master: JoinedWorkers
    start: Callable[..., Enlistment]
    notes: list[str] = field(default_factory=list)
    enlisted: list[Enlistment] = field(default_factory=list)

    def enlist(self, workers: int, token: bytes = TOKEN, directory: Path = Path()) -> Enlistment:
        """Start workers; they are ended with the crew."""
        self.enlisted.append(self.start((HOST, self.master.port), token, directory, workers))
        return self.enlisted[-1]

    @property
    def pids(self) -> list[int]:
        """The process ids of all load generators."""
        return [pid for one in self.enlisted for pid in one.pids]


@contextmanager
def crew(logs: Path, asked: Experiment, workers: int, join_within_s: float = 30.0) -> Iterator[Crew]:
    """A master that waits for so many workers, none of which is there yet."""
    notes: list[str] = []

    def start(address: tuple[str, int], token: bytes, directory: Path, count: int) -> Enlistment:
        return Enlistment(address, token, directory, (), logs, count, join_within_s)

    with JoinedWorkers(asked, workers, (HOST, 0), TOKEN, logs / "master.log", notes.append, join_within_s) as master:
        them = Crew(master, start, notes)
        try:
            yield them
        finally:
            for one in them.enlisted:
                one.__exit__()


@pytest.fixture
def oracle() -> Iterator[OracleProcess]:
    """An oracle that answers everything at once."""
    with start_oracle(Behaviour()) as oracle:
        yield oracle


@pytest.fixture(scope="module", params=[1, 2, 4], ids="{} workers".format)
def joined(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JoinedWorkers]:
    """Workers that have joined and know the scenario, as a run has them: for many slices."""
    with crew(tmp_path_factory.mktemp("crew"), ASKED, request.param) as them:
        them.enlist(request.param)
        them.master.wait()
        them.master.use(SCENARIO)
        yield them.master


LOADS: list[Load] = [ClosedLoad(users=5, think_s=0.01), OpenLoad(rate_rps=200.0)]


@pytest.mark.parametrize("load", LOADS, ids=str)
def test_no_request_is_unaccounted_for(joined: JoinedWorkers, load: Load) -> None:
    """Under every fault at once, the account of all workers together is the oracle's, count by count."""
    with start_oracle(FAULTS) as oracle:
        driven = drive_oracle(joined, SCENARIO, oracle, load, slice_s=0.5, timeout_s=0.3).driven
        served = oracle.outcomes()
    checks = check_accounting("faults", driven, served)
    assert [check for check in checks if not check.ok] == []


@pytest.mark.parametrize("load", LOADS, ids=str)
def test_every_right_answer_is_in_each_merged_histogram_once(
    joined: JoinedWorkers, oracle: OracleProcess, load: Load
) -> None:
    """None is lost on the way, and there is one histogram for each second, endpoint and kind."""
    measured = drive_oracle(joined, SCENARIO, oracle, load, slice_s=0.5)
    rights = sum(counts.outcomes.right for counts in measured.driven.endpoints)
    assert rights > 0
    for kind in ("latency", "service", "lag"):
        assert measured.histogram(kind).total == rights
    keys = [(one.second, one.endpoint, one.kind) for one in measured.seconds]
    assert len(keys) == len(set(keys))


def test_it_is_known_how_many_drove_and_how_far_apart_their_windows_opened(
    joined: JoinedWorkers, oracle: OracleProcess
) -> None:
    """Within the time that the order to open, and the word of it, took."""
    driven = drive_oracle(joined, SCENARIO, oracle, OpenLoad(rate_rps=200.0), slice_s=0.5).driven
    assert driven.generators in (1, 2, 4)
    assert 0 < driven.opened_within_s < driven.warmup_s + driven.window_s


def in_background(work: Callable[[], OracleSlice]) -> tuple[threading.Thread, list[BaseException]]:
    """A slice in a thread of its own, and what it raises."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


def kill_when_under_load(oracle: OracleProcess, pid: int) -> None:
    """Kill a generator once another request has reached the oracle: a slice is under way."""
    received = sum(oracle.outcomes().values())
    while sum(oracle.outcomes().values()) == received:
        continue
    os.kill(pid, signal.SIGKILL)


def test_a_slice_that_lost_a_worker_is_void_and_the_others_go_on(tmp_path: Path, oracle: OracleProcess) -> None:
    """Until none is left, which is a failure."""
    with crew(tmp_path, ASKED, 2) as them:
        them.enlist(2)
        them.master.wait()
        them.master.use(SCENARIO)

        def drive() -> OracleSlice:
            return drive_oracle(them.master, SCENARIO, oracle, ClosedLoad(users=4, think_s=0.01), slice_s=1.0)

        for pid, kind in zip(them.pids, (GeneratorLost, GeneratorError), strict=True):
            thread, raised = in_background(drive)
            kill_when_under_load(oracle, pid)
            thread.join()
            (error,) = raised
            assert type(error) is kind
            assert "left: its load generator ended" in str(error)
            if kind is GeneratorLost:
                assert drive().driven.generators == 1
        assert "no worker is left" in str(error)


def test_a_worker_with_another_token_is_not_answered(tmp_path: Path) -> None:
    """It says so by itself; the master waits on, and tells what it misses."""
    with crew(tmp_path, ASKED, 1, join_within_s=10.0) as them:
        (over,) = them.enlist(1, token=b"another token of many characters").outcomes(them.notes.append)
        assert over.ending == "refused"
        assert "the master does not accept the token; is it the same there?" in over.reason
        with pytest.raises(UserError, match="0 of 1 workers joined within 10 s; start more"):
            them.master.wait()


def test_strangers_are_not_heard(tmp_path: Path, oracle: OracleProcess) -> None:
    """Whatever they send, and whoever they say they are."""
    with (
        crew(tmp_path, ASKED, 1) as them,
        zmq.Context() as context,
        context.socket(zmq.DEALER) as stranger,
    ):
        stranger.setsockopt(zmq.IDENTITY, b"w")
        stranger.connect(f"tcp://{HOST}:{them.master.port}")
        for junk in (
            b"",
            b"\xc1",
            b"\x93\xa1x\x80\xa1y",
            msgspec.msgpack.encode(("sealed", {}, "w")),
            b"x" * 10**6,
        ):
            stranger.send(junk)
        stranger.send(msgspec.msgpack.encode(("hello", {"nonce": b"n"}, "w")))
        stranger.send(msgspec.msgpack.encode(("proof", {"mac": b"m"}, "w")))
        stranger.send(msgspec.msgpack.encode(("sealed", {"number": 0, "body": b'{"type":"fit"}', "mac": b"m"}, "w")))
        assert stranger.poll(10_000)
        challenge = msgspec.msgpack.decode(stranger.recv())
        assert challenge[0] == "challenge"
        them.enlist(1)
        them.master.wait()
        them.master.use(SCENARIO)
        assert drive_oracle(them.master, SCENARIO, oracle, LOADS[0], slice_s=0.2).driven.endpoints
    assert "dropped 7 messages that were not authentic" in (tmp_path / "master.log").read_text("utf-8")


def test_each_worker_uses_its_own_copy_of_the_scenario(tmp_path: Path, oracle: OracleProcess) -> None:
    """No code travels: one whose copy differs is refused, in a line, and another may join in its place."""
    folders = {name: tmp_path / name for name in ("master", "same", "changed")}
    for folder in folders.values():
        folder.mkdir()
        (folder / "shop.py").write_text(LOCUSTFILE, "utf-8")
    (folders["changed"] / "shop.py").write_text(LOCUSTFILE + "# changed\n", "utf-8")
    scenario = Scenario(name="shop", locustfile=str(folders["master"] / "shop.py"))
    asked = experiment(scenarios=(scenario,), path=str(folders["master"] / "bakeoff.toml"))
    with crew(tmp_path, asked, 1) as them:
        refused = them.enlist(1, directory=folders["changed"]).outcomes(them.notes.append)
        reason = "shop.py, or what it imports, differs from the master's; bring both folders to the same state"
        assert refused == [Over(ending="refused", reason=reason)]
        them.enlist(1, directory=folders["same"])
        them.master.wait()
        (folders["master"] / "shop.py").unlink()
        them.master.use(scenario)
        measured = drive_oracle(them.master, scenario, oracle, ClosedLoad(users=2), slice_s=0.3)
    assert [counts.endpoint for counts in measured.driven.endpoints] == ["/cake"]
    assert any(reason in note for note in them.notes)


def test_a_worker_too_many_is_sent_away(tmp_path: Path) -> None:
    """With the reason."""
    with crew(tmp_path, ASKED, 1) as them:
        them.enlist(1)
        them.master.wait()
        (over,) = them.enlist(1).outcomes(them.notes.append)
        assert over == Over(ending="refused", reason="the master has its 1 workers already")


def test_workers_end_with_their_master(tmp_path: Path) -> None:
    """Told so, and in time."""
    with crew(tmp_path, ASKED, 2) as them:
        workers = them.enlist(2)
        them.master.wait()
        them.master.close()
        assert workers.outcomes(them.notes.append) == [Over(ending="done", reason="the run is over")] * 2


def test_an_address_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    """With the option that helps."""
    with crew(tmp_path, ASKED, 1) as them, pytest.raises(UserError, match="choose another address: --listen"):
        JoinedWorkers(ASKED, 1, (HOST, them.master.port), TOKEN, tmp_path / "second.log", them.notes.append)
