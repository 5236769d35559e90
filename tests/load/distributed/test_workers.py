"""Workers join a master, and drive an oracle together as one generator."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bakeoff.calibration import FAULTS, SCENARIO, OracleSlice, check_accounting, drive_oracle
from bakeoff.calibration.oracle import Behaviour, OracleProcess, start_oracle
from bakeoff.load import GeneratorError, GeneratorLost
from bakeoff.load.distributed.master import RemoteWorkers, WorkersChannel, terms_for
from bakeoff.load.distributed.protocol import Compatible, Terms
from bakeoff.load.distributed.sockets import MasterSocket
from bakeoff.load.distributed.sources import versions
from bakeoff.load.distributed.worker import Ended, WorkerOptions, Workers
from bakeoff.load.generator import Generators
from bakeoff.load.messages import line
from bakeoff.model import ClosedLoad, Experiment, Load, OpenLoad, Scenario, UserError
from bakeoff.stacks import describe_machine
from tests.builders import experiment

pytestmark = pytest.mark.e2e

TOKEN = b"a token of sixteen characters"
HOST = "127.0.0.1"
MACHINE = describe_machine()
ASKED = experiment(scenarios=(SCENARIO,))
TERMS = Terms(versions=versions(), scenarios=(), sources={})
LOCUSTFILE = """
from bakeoff.load import BakeoffUser, task
from cakes import PATH

class Customer(BakeoffUser):
    @task
    def cake(self):
        self.client.get(PATH)
"""


@dataclass
class Cluster:
    """A master, and workers of this machine that join it, all in this process."""

    channel: WorkersChannel
    master: Generators
    logs: Path
    join_within_s: float
    notes: list[str]
    threads: ThreadPoolExecutor
    cleanup: ExitStack
    workers: list[Workers] = field(default_factory=list)

    def start(self, count: int, token: bytes = TOKEN, directory: Path = Path()) -> Future[list[Ended]]:
        """Start workers, which join in the background; how each of them ended."""
        options = WorkerOptions(HOST, self.channel.port, token, directory, MACHINE, self.join_within_s)
        self.workers.append(self.cleanup.enter_context(Workers(options, (), self.logs, count)))
        return self.threads.submit(self.workers[-1].run, self.notes.append)

    @property
    def pids(self) -> list[int]:
        """The process ids of all load generators."""
        return [pid for workers in self.workers for pid in workers.pids]


@contextmanager
def cluster(logs: Path, asked: Experiment, count: int, join_within_s: float = 30.0) -> Iterator[Cluster]:
    """A master that expects workers, none of which has been started."""
    root = Path(asked.path or "bakeoff.toml").parent
    notes: list[str] = []
    with ThreadPoolExecutor() as threads, ExitStack() as cleanup:
        expected = RemoteWorkers(count, HOST, 0, TOKEN, join_within_s)
        channel = WorkersChannel(expected, terms_for(asked.scenarios, root, logs), root, notes.append)
        cleanup.callback(channel.close)
        yield Cluster(channel, Generators(channel), logs, join_within_s, notes, threads, cleanup)


@pytest.fixture
def oracle() -> Iterator[OracleProcess]:
    """An oracle that answers everything at once."""
    with start_oracle(Behaviour()) as oracle:
        yield oracle


@pytest.fixture(scope="module", params=[1, 2, 4], ids="{} workers".format)
def joined(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generators]:
    """Workers that have joined and loaded the scenario; they drive many slices, as in a run."""
    with cluster(tmp_path_factory.mktemp("cluster"), ASKED, request.param) as them:
        them.start(request.param)
        them.channel.wait()
        them.master.use(SCENARIO)
        yield them.master


LOADS: list[Load] = [ClosedLoad(users=5, think_s=0.01), OpenLoad(rate_rps=200.0)]


@pytest.mark.parametrize("load", LOADS, ids=str)
def test_no_request_is_unaccounted_for(joined: Generators, load: Load) -> None:
    """Under every fault at once, the account of all workers together is the oracle's, count by count."""
    with start_oracle(FAULTS) as oracle:
        driven = drive_oracle(joined, SCENARIO, oracle, load, slice_s=0.5, timeout_s=0.3).driven
        served = oracle.outcomes()
    checks = check_accounting("faults", driven, served)
    assert [check for check in checks if not check.ok] == []


@pytest.mark.parametrize("load", LOADS, ids=str)
def test_every_right_answer_is_in_each_merged_histogram_once(
    joined: Generators, oracle: OracleProcess, load: Load
) -> None:
    """None is lost on the way, and there is one histogram for each second, endpoint and kind."""
    measured = drive_oracle(joined, SCENARIO, oracle, load, slice_s=0.5)
    rights = sum(counts.outcomes.right for counts in measured.driven.endpoints)
    assert rights > 0
    for kind in ("latency", "service", "lag"):
        assert measured.histogram(kind).total == rights
    keys = [(second.second, second.endpoint, second.kind) for second in measured.seconds]
    assert len(keys) == len(set(keys))


def test_the_account_says_how_many_drove_and_how_far_apart_their_windows_opened(
    joined: Generators, oracle: OracleProcess
) -> None:
    """Within the time from the order to open to the last report that a window did."""
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
    """Until none is left, which fails the run."""
    with cluster(tmp_path, ASKED, 2) as them:
        them.start(2)
        them.channel.wait()
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


def test_a_worker_with_another_token_is_refused_at_once(tmp_path: Path) -> None:
    """It says why; the master goes on waiting, and says how many it lacks."""
    with cluster(tmp_path, ASKED, 1, join_within_s=5.0) as them:
        ended = them.start(1, token=b"another token of many characters")
        with pytest.raises(UserError, match="0 of 1 workers joined within 5 s; start more"):
            them.channel.wait()
        assert ended.result() == [
            Ended("refused", f"{HOST}:{them.channel.port}: the master does not accept the token; is it the same there?")
        ]


def test_a_worker_may_be_started_before_its_master(tmp_path: Path) -> None:
    """It connects as soon as there is one."""
    with socket.create_server((HOST, 0)) as reserved:
        port = reserved.getsockname()[1]
    options = WorkerOptions(HOST, port, TOKEN, Path(), MACHINE, join_within_s=30.0)
    with ThreadPoolExecutor() as threads, Workers(options, (), tmp_path) as workers:
        ended = threads.submit(workers.run, lambda text: None)
        channel = WorkersChannel(RemoteWorkers(1, HOST, port, TOKEN, 30.0), TERMS, Path(), lambda text: None)
        channel.wait()
        channel.close()
        assert ended.result() == [Ended("done", "the run is over")]


def test_each_worker_uses_its_own_copy_of_the_scenario(tmp_path: Path, oracle: OracleProcess) -> None:
    """No code travels: a worker whose copy differs is refused in one line, and another may join in its place."""
    folders = {name: tmp_path / name for name in ("master", "same", "changed", "missing")}
    for folder in folders.values():
        folder.mkdir()
        (folder / "cakes.py").write_text("PATH = '/cake'\n", "utf-8")
        (folder / "shop.py").write_text(LOCUSTFILE, "utf-8")
    (folders["changed"] / "cakes.py").write_text("PATH = '/pie'\n", "utf-8")
    (folders["missing"] / "shop.py").unlink()
    scenario = Scenario(name="shop", locustfile=str(folders["master"] / "shop.py"))
    asked = experiment(scenarios=(scenario,), path=str(folders["master"] / "bakeoff.toml"))
    with cluster(tmp_path, asked, 1) as them:
        refused = [them.start(1, directory=folders[name]) for name in ("changed", "missing")]
        joining = them.threads.submit(them.channel.wait)
        ((changed,), (missing,)) = [ended.result() for ended in refused]
        reason = "cakes.py differs from the master's; bring both folders to the same state"
        assert changed == Ended("refused", reason)
        assert missing.ending == "refused"
        assert "shop.py is missing; start in a copy of the experiment's folder" in missing.reason
        them.start(1, directory=folders["same"])
        joining.result()
        (folders["master"] / "shop.py").unlink()
        them.master.use(scenario)
        measured = drive_oracle(them.master, scenario, oracle, ClosedLoad(users=2), slice_s=0.3)
    assert [counts.endpoint for counts in measured.driven.endpoints] == ["/cake"]
    assert any(reason in note for note in them.notes)


def test_a_worker_too_many_is_dismissed(tmp_path: Path) -> None:
    """With the reason, at the master's next order."""
    with cluster(tmp_path, ASKED, 1) as them:
        them.start(1)
        them.channel.wait()
        ended = them.start(1)
        while not ended.done():
            them.master.use(SCENARIO)
        assert ended.result() == [Ended("refused", "the master has its 1 workers already")]


def test_workers_end_with_the_run(tmp_path: Path) -> None:
    """Regularly, and within seconds."""
    with cluster(tmp_path, ASKED, 2) as them:
        ended = them.start(2)
        them.channel.wait()
        them.channel.close()
        assert ended.result(timeout=10) == [Ended("done", "the run is over")] * 2


def test_a_worker_ends_when_the_connection_is_lost(tmp_path: Path) -> None:
    """A master that dies cannot dismiss it."""
    master = MasterSocket(HOST, 0, TOKEN)
    options = WorkerOptions(HOST, master.port, TOKEN, Path(), MACHINE, join_within_s=30.0)
    with ThreadPoolExecutor() as threads, Workers(options, (), tmp_path) as workers:
        ended = threads.submit(workers.run, lambda text: None)
        hello = master.receive(30.0)
        assert hello
        name, _ = hello
        master.send(name, line(TERMS))
        assert master.receive(30.0) == (name, line(Compatible(machine=MACHINE)))
        master.close()
        reason = f"{HOST}:{master.port}: the connection to the master was lost"
        assert ended.result(timeout=10) == [Ended("failed", reason)]


def test_an_address_that_is_taken_is_reported_in_one_line(tmp_path: Path) -> None:
    """With the option that helps."""
    with cluster(tmp_path, ASKED, 1) as them, pytest.raises(UserError, match="choose another address: --listen"):
        WorkersChannel(RemoteWorkers(1, HOST, them.channel.port, TOKEN), TERMS, Path(), them.notes.append)
