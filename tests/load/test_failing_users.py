"""Users whose code raises, ends them, or never sends: each is accounted for, and no slice waits for them for ever."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent, indent

import pytest

from bakeoff.calibration.oracle import Behaviour, OracleProcess, start_oracle
from bakeoff.load import Drive, Driven, FixedLength, GeneratorError, LocalGenerators
from bakeoff.load.generator import Limits
from bakeoff.model import ClosedLoad, EndpointCounts, Load, OpenLoad, Scenario, merged_counts

pytestmark = pytest.mark.e2e

CLOSED, OPEN = ClosedLoad(users=4), OpenLoad(rate_rps=200.0, arrivals="constant")


@pytest.fixture(scope="module")
def generators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGenerators]:
    """One process that drives many slices, as in a run."""
    with LocalGenerators((), tmp_path_factory.mktemp("logs")) as generators:
        yield generators


@pytest.fixture(scope="module")
def oracle() -> Iterator[OracleProcess]:
    """A server that answers everything at once."""
    with start_oracle(Behaviour()) as oracle:
        yield oracle


def scenario(folder: Path, user: str, base: str = "BakeoffUser") -> Scenario:
    """A scenario with one class of users, given the body of the class."""
    path = folder / f"{folder.name}.py"
    path.write_text(
        "import itertools, time\nimport gevent\nfrom locust import FastHttpUser, HttpUser, TaskSet\n"
        "from locust.exception import StopUser\nfrom bakeoff.load import BakeoffUser, task\n\n"
        f"class Shopper({base}):\n{indent(dedent(user), '    ')}",
        "utf-8",
    )
    return Scenario(name=folder.name, locustfile=str(path))


def driven(generators: LocalGenerators, used: Scenario, targets: Mapping[str, str], load: Load) -> Driven:
    """The account of a short slice."""
    generators.use(used)
    order = Drive(
        scenario=used.name,
        targets=dict(targets),
        load=load,
        seed=1,
        warmup_s=0.1,
        max_warmup_s=0.5,
        timeout_s=0.5,
    )
    return generators.drive(order, FixedLength(0.4))[0]


def counts_of(account: Driven, endpoint: str) -> EndpointCounts:
    """All requests of an endpoint, the warm-up's included. Those of each sink add up."""
    ever = (*account.warmup, *account.endpoints, *account.drain)
    assert [counts for counts in ever if counts.offered != counts.outcomes.offered] == []
    return next(counts for counts in merged_counts(ever) if counts.endpoint == endpoint)


RAISES_IN_TASK = """
    @task
    def buy(self):
        self.client.get("/cake")
        raise KeyError("slices")
"""


@pytest.mark.parametrize(
    ("base", "load"),
    [("BakeoffUser", CLOSED), ("BakeoffUser", OPEN), ("FastHttpUser", CLOSED), ("HttpUser", CLOSED)],
    ids=str,
)
def test_an_exception_in_a_task_is_an_error_beside_its_requests(
    tmp_path: Path, generators: LocalGenerators, oracle: OracleProcess, base: str, load: Load
) -> None:
    """As many errors as answers; the reason says where it was raised."""
    account = driven(generators, scenario(tmp_path, RAISES_IN_TASK, base), {"": oracle.url}, load)
    failed, answered = (counts_of(account, endpoint) for endpoint in ("(task)", "/cake"))
    assert failed.outcomes.failed == {"task": failed.offered}
    assert failed.offered == pytest.approx(answered.outcomes.right, abs=5)
    assert failed.reason is not None
    assert failed.reason.startswith("KeyError: 'slices', raised in buy (")
    assert account.user_error == failed.reason


def test_an_exception_in_a_nested_task_is_an_error_too(
    tmp_path: Path, generators: LocalGenerators, oracle: OracleProcess
) -> None:
    """Such users run in Locust's own loop."""
    user = """
        @task
        class Basket(TaskSet):
            @task
            def buy(self):
                raise KeyError("slices")
    """
    account = driven(generators, scenario(tmp_path, user), {"": oracle.url}, CLOSED)
    assert counts_of(account, "(task)").outcomes.failed["task"] > 0


@pytest.mark.parametrize("load", [CLOSED, OPEN], ids=str)
@pytest.mark.parametrize("where", ["check", "task"])
def test_an_exception_that_one_of_two_targets_causes_is_that_targets_error(
    tmp_path: Path, generators: LocalGenerators, where: str, load: Load
) -> None:
    """A check that raises is a wrong answer of its endpoint; every request has an outcome."""
    user = {
        "check": """
            @task
            def buy(self):
                self.client.get("/cake")

            def check(self, response):
                return response.json()["ok"] is True or int(None)
        """,
        "task": """
            @task
            def buy(self):
                if self.client.get("/cake", check=lambda _: True).json()["ok"] is not True:
                    raise TypeError("no cake")
        """,
    }[where]
    with start_oracle(Behaviour()) as base, start_oracle(Behaviour(wrong_every=5)) as head:
        account = driven(generators, scenario(tmp_path, user), {"base": base.url, "head": head.url}, load)
    failed = {endpoint: counts_of(account, endpoint) for endpoint in ("base /cake", "head /cake")}
    assert failed["base /cake"].outcomes.errors == 0
    if where == "check":
        assert failed["head /cake"].outcomes.wrong > 0
        assert str(failed["head /cake"].reason).startswith("the check raised TypeError: int() argument")
    else:
        assert counts_of(account, "head (task)").outcomes.failed["task"] > 0
    assert not {counts.endpoint.split(" ")[0] for counts in account.endpoints} - {"base", "head"}


@pytest.mark.parametrize("base", ["BakeoffUser", "FastHttpUser"])
@pytest.mark.parametrize("end", ["raise StopUser", "raise KeyError('login')"], ids=["stops", "raises"])
def test_users_that_have_ended_are_not_counted(
    tmp_path: Path, generators: LocalGenerators, oracle: OracleProcess, base: str, end: str
) -> None:
    """One of four ends in ``on_start``."""
    user = f"""
        numbers = itertools.count()

        def on_start(self):
            if next(self.numbers) % 4 == 0:
                {end}

        @task
        def buy(self):
            self.client.get("/cake")
            gevent.sleep(0.01)
    """
    account = driven(generators, scenario(tmp_path, user, base), {"": oracle.url}, CLOSED)
    assert account.users == 3
    if "KeyError" in end:
        assert counts_of(account, "(task)").outcomes.failed == {"task": 1}
        assert str(account.user_error).startswith("KeyError: 'login', raised in on_start")


def test_arrivals_of_an_open_loop_get_new_users_where_others_end(
    tmp_path: Path, generators: LocalGenerators, oracle: OracleProcess
) -> None:
    """Half of them end in ``on_start``, which fails their arrival; the others buy once and leave."""
    user = """
        numbers = itertools.count()

        def on_start(self):
            if next(self.numbers) % 2:
                raise StopUser

        @task
        def buy(self):
            self.client.get("/cake")
            raise StopUser
    """
    account = driven(generators, scenario(tmp_path, user), {"": oracle.url}, OPEN)
    assert sum(counts.offered for counts in account.endpoints) == pytest.approx(OPEN.rate_rps * account.window_s, abs=5)
    assert counts_of(account, "(task)").offered == pytest.approx(counts_of(account, "/cake").offered, abs=1)


NEVER_SENDS = {
    "data that have run out": "next(iter(()))",
    "nothing to do": "pass",
}


@pytest.mark.parametrize(
    ("base", "load"), [("BakeoffUser", CLOSED), ("BakeoffUser", OPEN), ("FastHttpUser", CLOSED)], ids=str
)
@pytest.mark.parametrize("task", NEVER_SENDS.values(), ids=NEVER_SENDS)
def test_a_slice_ends_although_no_task_ever_waits(
    tmp_path: Path, generators: LocalGenerators, oracle: OracleProcess, base: str, load: Load, task: str
) -> None:
    """What was raised is on record."""
    account = driven(generators, scenario(tmp_path, f"@task\ndef buy(self):\n    {task}", base), {"": oracle.url}, load)
    assert account.window_s < 1.5
    if task != "pass":
        assert str(counts_of(account, "(task)").reason).startswith("StopIteration, raised in buy")


@pytest.mark.parametrize("load", [CLOSED, OPEN], ids=str)
@pytest.mark.parametrize("caught", ["Exception", "BaseException"])
def test_a_slice_ends_although_every_task_blocks(
    tmp_path: Path, generators: LocalGenerators, oracle: OracleProcess, load: Load, caught: str
) -> None:
    """Within the time to drain, and all requests that they sent have an outcome, whatever they catch."""
    user = f"""
        @task
        def buy(self):
            try:
                self.client.get("/cake")
                time.sleep(3600)
            except {caught}:
                pass
    """
    account = driven(generators, scenario(tmp_path, user), {"": oracle.url}, load)
    assert counts_of(account, "/cake").outcomes.right > 0


def test_a_think_time_ends_with_its_slice(tmp_path: Path, generators: LocalGenerators, oracle: OracleProcess) -> None:
    """The next load, which has none, is driven without."""
    used = scenario(tmp_path, "@task\ndef buy(self):\n    self.client.get('/cake')")
    driven(generators, used, {"": oracle.url}, ClosedLoad(users=1, think_s=0.1))
    order = Drive(scenario=used.name, targets={"": oracle.url}, load=CLOSED, seed=1, warmup_s=0.1, timeout_s=0.5)
    account, _ = generators.drive(order, FixedLength(0.4))
    assert counts_of(account, "/cake").outcomes.right > 100


def test_the_time_limit_of_a_task_leaves_no_request_without_an_outcome(
    tmp_path: Path, generators: LocalGenerators
) -> None:
    """``gevent.Timeout`` is no ``Exception``."""
    user = """
        @task
        def buy(self):
            with gevent.Timeout(0.05):
                self.client.get("/cake")
    """
    with start_oracle(Behaviour(never_every=1)) as hanging:
        account = driven(generators, scenario(tmp_path, user), {"": hanging.url}, CLOSED)
    assert account.users == 4
    assert counts_of(account, "/cake").outcomes.unfinished > 4
    assert str(counts_of(account, "(task)").reason).startswith("Timeout: 0.05 seconds")


def test_a_task_that_raises_when_it_is_tried_is_a_problem_of_the_target(
    tmp_path: Path, generators: LocalGenerators, oracle: OracleProcess
) -> None:
    """Its answer may be the cause; its requests are there too."""
    generators.use(scenario(tmp_path, RAISES_IN_TASK))
    answer, raised = generators.ask(tmp_path.name, oracle.url)
    assert (answer.endpoint, answer.problem) == ("/cake", None)
    assert (raised.endpoint, raised.method, raised.path) == ("(task)", "task", "buy")
    assert str(raised.problem).startswith("KeyError: 'slices', raised in buy")


def test_a_task_that_blocks_when_it_is_tried_is_given_up(tmp_path: Path, oracle: OracleProcess) -> None:
    """After its time limit, three times."""
    with LocalGenerators((), tmp_path, limits=Limits(task_s=0.1)) as generators:
        generators.use(scenario(tmp_path, "@task\ndef buy(self):\n    time.sleep(3600)"))
        (answer,) = generators.ask(tmp_path.name, oracle.url)
    assert str(answer.problem).startswith("Timeout: 0.1 seconds, raised in buy")


HANGS = "@task\ndef buy(self):\n    while True:\n        pass"


@pytest.mark.parametrize("where", ["slice", "tried alone", "import"])
def test_code_that_never_yields_fails_the_run_and_is_named(tmp_path: Path, oracle: OracleProcess, where: str) -> None:
    """No wait for a generator is without a limit."""
    used = scenario(tmp_path, "while True:\n    pass" if where == "import" else HANGS)
    limits = Limits(silence_s=0.2, load_s=2.0 if where == "import" else 30.0, task_s=0.2)
    place = rf"has reported nothing for .* s; it hangs at File \".*{tmp_path.name}.py"
    with LocalGenerators((), tmp_path, limits=limits) as generators:
        if where == "tried alone":
            generators.use(used)
            with pytest.raises(GeneratorError, match=place):
                generators.ask(used.name, oracle.url)
        else:
            with pytest.raises(GeneratorError, match=place):
                driven(generators, used, {"": oracle.url}, CLOSED)


def test_a_generator_that_is_stopped_fails_the_run(tmp_path: Path, oracle: OracleProcess) -> None:
    """One of two, which does not even tell where it is, and cannot be asked to end."""
    used = scenario(tmp_path, "@task\ndef buy(self):\n    self.client.get('/cake')")
    order = Drive(
        scenario=used.name,
        targets={"": oracle.url},
        load=CLOSED,
        seed=1,
        warmup_s=0.1,
        max_warmup_s=0.2,
        timeout_s=0.2,
    )
    with LocalGenerators((), tmp_path, 2, Limits(silence_s=0.2)) as generators:
        generators.use(used)
        os.kill(generators.pids[-1], signal.SIGSTOP)
        with pytest.raises(GeneratorError, match="the load generator has reported nothing for "):
            generators.drive(order, FixedLength(0.4))
