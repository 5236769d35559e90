"""An experiment file is checked and completed; a mistake in it is one line with the place and the remedy."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.experiment import check_design, read_experiment
from bakeoff.model import (
    ClosedLoad,
    Experiment,
    GateSettings,
    OpenLoad,
    Request,
    Role,
    Stack,
    Stage,
    Tolerance,
    UserError,
    default_tolerances,
)

STACK = '[stacks.mine]\ncommand = ["./serve", "--port", "{port}"]\n'
SCENARIO = '[scenarios.front]\nrequests = [{ get = "/" }]\n'
SMALLEST = STACK + SCENARIO


def write(folder: Path, text: str) -> Path:
    """A config file with some text."""
    path = folder / "bakeoff.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_smallest_file_is_one_stack_and_one_path(tmp_path: Path) -> None:
    """Everything else has a default."""
    experiment = read_experiment(write(tmp_path, SMALLEST))
    assert experiment.name == "bakeoff"
    assert experiment.baseline == "mine"
    assert experiment.loads == (ClosedLoad(users=64), OpenLoad(rate_rps=50.0))
    assert experiment.scenarios[0].requests[0].path == "/"


def test_an_empty_list_of_loads_means_the_default(tmp_path: Path) -> None:
    """A run without load would measure nothing."""
    path = write(tmp_path, SMALLEST + "[experiment]\nloads = []\n")
    assert read_experiment(path).loads == (ClosedLoad(users=64), OpenLoad(rate_rps=50.0))


def test_a_load_may_step_and_ramp(tmp_path: Path) -> None:
    """A stage without a second rate keeps its first."""
    loads = "[experiment]\nloads = [{ stages = [{ rate = 10, to = 90, for_s = 4 }, { rate = 90, for_s = 2 }] }]\n"
    (load,) = read_experiment(write(tmp_path, SMALLEST + loads)).loads
    assert isinstance(load, OpenLoad)
    assert load.stages == (Stage(for_s=4, rate_rps=10, to_rps=90), Stage(for_s=2, rate_rps=90, to_rps=90))


def test_the_bundled_experiment_is_valid_and_can_conclude() -> None:
    """The file behind ``make bench`` compares four stacks at two loads, with enough blocks."""
    experiment = read_experiment(Path("bakeoff.toml"))
    check_design(experiment)
    assert len(experiment.stacks) == 4
    assert len(experiment.loads) == 2


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """Wherever the command is called from."""
    (tmp_path / "users.py").write_text("", "utf-8")
    path = write(tmp_path, STACK + '[scenarios.mine]\nlocustfile = "users.py"\n')
    experiment = read_experiment(path)
    assert experiment.scenarios[0].locustfile == str(tmp_path / "users.py")
    assert experiment.stacks[0].directory == str(tmp_path)


APP = 'interface = "wsgi"\napp = "app:app"\nserver = "gunicorn"\n'

MISTAKES = {
    "no stack": (SCENARIO, r"\[stacks\]: nothing to compare; add"),
    "no scenario": (STACK, r"\[scenarios\]: nothing to request; add"),
    "not TOML": ("= 3", "not valid TOML"),
    "an unknown table": (SMALLEST + "[stack.x]\n", r"\[stack\]: unknown table 'stack'; did you mean 'stacks'\?"),
    "an unknown key": (SMALLEST.replace("command", "comand"), r"\[stacks.mine\]: unknown key 'comand'; .*'command'"),
    "a wrong type": (
        SMALLEST + '[experiment]\nblocks = "six"\n',
        r"\[experiment\]: blocks: expected an integer, got a string$",
    ),
    "an unknown server": (
        f"[stacks.x]\n{APP.replace('gunicorn', 'gunicron')}{SCENARIO}",
        r'\[stacks.x\]: unknown server "gunicron"; did you mean "gunicorn"',
    ),
    "no interface": (f'[stacks.x]\napp = "a:b"\nserver = "gunicorn"\n{SCENARIO}', 'interface = "wsgi" or "asgi"'),
    "neither app nor command": ("[stacks.x]\n" + SCENARIO, r"\[stacks.x\]: needs app and server, or a command"),
    "both app and command": (STACK + APP + SCENARIO, "keep one of the two"),
    "a command without a port": (STACK.replace("{port}", "80") + SCENARIO, r"must say \{port\}"),
    "an unknown baseline": (
        SMALLEST + '[experiment]\nbaseline = "mien"\n',
        "unknown stack 'mien'; did you mean 'mine'",
    ),
    "an unknown scenario": (SMALLEST + '[experiment]\nscenarios = ["frnt"]\n', "did you mean 'front'"),
    "a missing locustfile": (STACK + '[scenarios.x]\nlocustfile = "x.py"\n', "'x.py' does not exist"),
    "a request without a method": (STACK + "[scenarios.x]\nrequests = [{ weight = 2 }]\n", "exactly one method"),
    "a path without a slash": (STACK + '[scenarios.x]\nrequests = [{ get = "x" }]\n', "must begin with /"),
    "a load of nothing": (SMALLEST + "[experiment]\nloads = [{}]\n", r"loads\[0\]: needs either users"),
    "no users": (SMALLEST + "[experiment]\nloads = [{ users = 0 }]\n", r"loads\[0\]: users: must be at least 1"),
    "no rate": (SMALLEST + "[experiment]\nloads = [{ rate = 0 }]\n", r"loads\[0\]: rate: must be above 0"),
    "an empty stage": (
        SMALLEST + "[experiment]\nloads = [{ stages = [{ rate = 5, for_s = 0 }] }]\n",
        r"loads\[0\]: stages\[0\]: for_s: must be above 0",
    ),
    "stages of nothing": (SMALLEST + "[experiment]\nloads = [{ stages = [{ rate = 0, for_s = 1 }] }]\n", "above 0"),
    "a key of another kind of load": (
        SMALLEST + "[experiment]\nloads = [{ rate = 5, think_s = 1 }]\n",
        r"loads\[0\]: unknown key 'think_s'; known are: rate, arrivals",
    ),
    "two kinds of load": (SMALLEST + "[experiment]\nloads = [{ rate = 5, users = 1 }]\n", "needs either users"),
    "a name of the model in place of the file's": (
        SMALLEST + "[experiment]\nloads = [{ users = 5, kind = 'users' }]\n",
        "unknown key 'kind'",
    ),
    "no stages": (SMALLEST + "[experiment]\nloads = [{ stages = [] }]\n", "at least one stage"),
    "a load that is no table": (SMALLEST + "[experiment]\nloads = [64]\n", "expected a table, got an integer"),
    "loads that are no array": (SMALLEST + "[experiment]\nloads = 64\n", "loads: expected an array, got an integer"),
    "two methods": (STACK + '[scenarios.x]\nrequests = [{ get = "/", put = "/" }]\n', r"requests\[0\]: needs exactly"),
    "a weight of nothing": (
        STACK + '[scenarios.x]\nrequests = [{ get = "/", weight = 0 }]\n',
        r"\[scenarios.x\]: requests\[0\]: weight: must be at least 1",
    ),
    "an unknown interface": (
        f"[stacks.x]\n{APP.replace('wsgi', 'asgj')}{SCENARIO}",
        r"\[stacks.x\]: interface: unknown value 'asgj'; did you mean 'asgi'\?",
    ),
    "no workers": (STACK + "workers = 0\n" + SCENARIO, r"\[stacks.mine\]: workers: must be at least 1"),
    "an option that is no scalar": (
        f"[stacks.x]\n{APP}options = {{ bind = [] }}\n{SCENARIO}",
        r"\[stacks.x\]: options.*: expected .*, got an array",
    ),
    "an alpha of one": (SMALLEST + "[experiment]\nalpha = 1\n", r"alpha: must be below 1"),
    "an alpha of zero": (SMALLEST + "[experiment]\nalpha = 0\n", r"alpha: must be above"),
    "an unknown metric": (
        SMALLEST + "[gate.tolerances.memry]\nlimit = 1\n",
        r"\[gate.tolerances\]: unknown metric 'memry'; did you mean 'memory'\?",
    ),
    "a floor above the limit": (
        SMALLEST + "[gate.tolerances.memory]\nfloor = 0.5\n",
        r"\[gate.tolerances.memory\]: floor \(0.5\) must be at least 0 and below limit \(0.1\)",
    ),
    "an unknown role": (
        SMALLEST + "[gate.tolerances.memory]\nrole = 'requird'\n",
        r"\[gate.tolerances.memory\]: role: unknown value 'requird'; did you mean 'required'\?",
    ),
    "no time for a gate": (SMALLEST + "[gate]\nbudget_s = 0\n", r"\[gate\]: budget_s: must be above 0"),
    "no blocks": (SMALLEST + "[experiment]\nblocks = 0\n", r"\[experiment\]: blocks: must be at least 1"),
    "a url with a path": (f'[stacks.x]\nurl = "https://a.example/shop"\n{SCENARIO}', "must be scheme and host"),
    "a url with a password": (
        f'[stacks.x]\nurl = "https://me:secret@a.example"\n{SCENARIO}',
        "must be scheme and host",
    ),
    "a url of something to start": (f'[stacks.x]\nurl = "http://a.example"\n{APP}{SCENARIO}', "runs already; besides"),
    "a name that is a path": (SMALLEST + '[experiment]\nname = "../x"\n', r"name: '\.\./x' is not a valid name: use"),
    "a pattern that is none": (
        SMALLEST + '[experiment]\nvolatile_patterns = ["("]\n',
        r"volatile_patterns: .\(. is not a regular expression: missing \)",
    ),
    "a port of two stacks": (
        f"{STACK}port = 8000\n{STACK.replace('mine', 'yours')}port = 8000\n{SCENARIO}",
        r"\[stacks.yours\]: port 8000 is that of .mine. too, .*; remove port to use a free one",
    ),
    "a comparison that is none": (SMALLEST + '[experiment]\ncompare = "bodies"\n', "did you mean .body.?"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_with_place_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    """The file is named first."""
    path = write(tmp_path, text)
    with pytest.raises(UserError, match=message) as caught:
        read_experiment(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_stack_that_runs_already_is_a_url(tmp_path: Path) -> None:
    """Any answer to the first request shows that it is ready."""
    text = '[stacks.staging]\ninterface = "asgi"\nurl = "https://staging.example:8443/"\n'
    (stack,) = read_experiment(write(tmp_path, text + SCENARIO)).stacks
    assert (stack.url, stack.ready, stack.interface) == ("https://staging.example:8443", None, "asgi")
    assert stack.first_path == "/"


def test_a_missing_file_is_the_users_mistake(tmp_path: Path) -> None:
    """The message names the command that writes one."""
    with pytest.raises(UserError, match=r"does not exist; .* bakeoff init"):
        read_experiment(tmp_path / "none.toml")


def test_a_tolerance_keeps_the_defaults_that_it_does_not_set(tmp_path: Path) -> None:
    """Metric by metric, and field by field."""
    gate = read_experiment(write(tmp_path, SMALLEST + "[gate.tolerances.latency_p99]\nlimit = 0.5\n")).gate
    assert gate.tolerances == {
        **default_tolerances(),
        "latency_p99": Tolerance(limit=0.5, floor=0.03, role=Role.ADVISORY),
    }


@pytest.mark.parametrize(
    ("earlier", "role"),
    [("deciding", Role.REQUIRED), ("confirmable", Role.ADVISORY), ("shown", Role.INFORMATIONAL)],
)
def test_the_earlier_word_for_a_role_is_accepted(tmp_path: Path, earlier: str, role: Role) -> None:
    """Files of earlier versions keep their meaning."""
    gate = read_experiment(write(tmp_path, SMALLEST + f"[gate.tolerances.memory]\nrole = '{earlier}'\n")).gate
    assert gate.tolerances["memory"].role is role


def test_every_request_form_becomes_the_same_type(tmp_path: Path) -> None:
    """The method is the key of the path."""
    text = """[scenarios.shop]
requests = [
  { get = "/", weight = 3 },
  { post = "/cart", json = { item = 1 }, headers = { x-test = "1" }, status = 201, name = "add" },
]
"""
    (scenario,) = read_experiment(write(tmp_path, STACK + text)).scenarios
    add = Request(method="POST", path="/cart", json={"item": 1}, headers={"x-test": "1"}, status=201, name="add")
    assert scenario.requests == (Request(method="GET", path="/", weight=3), add)


def test_an_experiment_survives_its_manifest(tmp_path: Path) -> None:
    """What a run stores is read back as it was, so no constraint refuses what the file may declare."""
    loads = "[experiment]\nloads = [{ users = 1, think_s = 0.5 }, { stages = [{ rate = 0, to = 9, for_s = 1 }] }]\n"
    experiment = read_experiment(write(tmp_path, SMALLEST + loads))
    assert msgspec.json.decode(msgspec.json.encode(experiment), type=Experiment) == experiment


@pytest.mark.parametrize("text", ["a = " + "[" * 10_000, "a = " + "9" * 10_000], ids=["deep nesting", "a huge number"])
def test_what_the_parser_cannot_take_is_the_users_mistake(tmp_path: Path, text: str) -> None:
    """The standard library's parser raises other errors than its own for these."""
    with pytest.raises(UserError, match="not valid TOML"):
        read_experiment(write(tmp_path, text))


SOUND = {
    "experiment": {"loads": [{"users": 8}, {"rate": 5}, {"stages": [{"rate": 1, "to": 5, "for_s": 1}]}]},
    "stacks": {
        "mine": {"command": ["./serve", "{port}"]},
        "served": {"interface": "wsgi", "app": "app:app", "server": "gunicorn"},
        "deployed": {"url": "https://a.example"},
    },
    "scenarios": {"front": {"requests": [{"get": "/"}]}, "users": {"locustfile": "bakeoff.toml"}},
    "gate": {"tolerances": {"memory": {"limit": 0.5}}},
}
STACK_KEYS = Stack.__struct_fields__
LOAD_KEYS = ("users", "think_s", "rate", "arrivals", "stages", "kind")
KEYS: dict[tuple[str | int, ...], tuple[str, ...]] = {
    (): tuple(SOUND),
    ("experiment",): Experiment.__struct_fields__,
    ("experiment", "loads", 0): LOAD_KEYS,
    ("experiment", "loads", 1): LOAD_KEYS,
    ("experiment", "loads", 2): LOAD_KEYS,
    ("experiment", "loads", 2, "stages", 0): ("rate", "to", "for_s", "rate_rps"),
    ("stacks",): ("mine", "a b"),
    ("stacks", "mine"): STACK_KEYS,
    ("stacks", "served"): STACK_KEYS,
    ("stacks", "deployed"): STACK_KEYS,
    ("scenarios",): ("front", "a b"),
    ("scenarios", "front"): ("requests", "locustfile", "name"),
    ("scenarios", "front", "requests", 0): ("get", "put", "method", "path", *Request.__struct_fields__),
    ("gate",): GateSettings.__struct_fields__,
    ("gate", "tolerances"): ("memory", "memry"),
    ("gate", "tolerances", "memory"): Tolerance.__struct_fields__,
}
"""The tables of a sound file by their paths, each with keys to set in it."""
PLACES = [(*path, key) for path, keys in KEYS.items() for key in keys]
SCALARS = st.sampled_from([0, 1, -1, 10**400, 0.5, float("inf"), float("nan"), True, "", "x", "/", "mine", "{port}"])
ARRAYS = st.lists(SCALARS, max_size=2)
TABLES = st.dictionaries(st.sampled_from(["x", "", "rate", "get"]), SCALARS, max_size=2)
VALUES = st.one_of(
    st.none(), SCALARS, ARRAYS, TABLES, st.lists(ARRAYS | TABLES, max_size=2), st.dates(), st.text(max_size=5)
)
"""What a key is set to; ``None`` deletes it."""


def changed(path: Sequence[str | int], value: object) -> dict[str, Any]:
    """The sound file with one value replaced."""
    document = copy.deepcopy(SOUND)
    table: Any = document
    for key in path[:-1]:
        table = table[key]
    if value is None:
        table.pop(path[-1], None)
    else:
        table[path[-1]] = value
    return document


def toml(value: object) -> str:
    """A value as TOML, its tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value)
    return str(value).lower()


def mistake_in(path: Path) -> str | None:
    """The message about the first mistake in a file, if it has one."""
    try:
        read_experiment(path)
    except UserError as error:
        return str(error)
    return None


def test_the_sound_file_has_no_mistake(tmp_path: Path) -> None:
    """So that whatever is wrong with a changed one comes from the change."""
    path = write(tmp_path, "\n".join(f"{key} = {toml(value)}" for key, value in SOUND.items()))
    assert mistake_in(path) is None


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(path=st.sampled_from(PLACES), value=VALUES)
def test_any_value_anywhere_gives_an_experiment_or_a_message(
    tmp_path: Path, path: Sequence[str | int], value: object
) -> None:
    """The message is one line that begins with the file. Never a traceback."""
    document = changed(path, value)
    file = write(tmp_path, "\n".join(f"{key} = {toml(value)}" for key, value in document.items()))
    message = mistake_in(file)
    assert message is None or (message.startswith(str(file)) and len(message.splitlines()) == 1)


@pytest.mark.parametrize(
    ("scenarios", "path"),
    [
        ('[scenarios.front]\nrequests = [{ get = "/cake?size=2" }, { get = "/" }]\n', "/cake?size=2"),
        ('[scenarios.front]\nrequests = [{ post = "/cart", name = "add" }]\n', "/cart"),
    ],
)
def test_a_stack_without_a_ready_path_is_asked_for_the_first_request(tmp_path: Path, scenarios: str, path: str) -> None:
    (stack,) = read_experiment(write(tmp_path, STACK + scenarios)).stacks
    assert (stack.ready, stack.first_path) == (None, path)


def test_what_is_compared_of_answers_is_said_for_all_or_for_some(tmp_path: Path) -> None:
    """The nearest word counts."""
    text = (
        "[experiment]\ncompare = \"status\"\nvolatile_patterns = ['build-\\d+']\n"
        '[scenarios.front]\ncompare = "body"\nrequests = [{ get = "/", compare = "status" }]\n'
    )
    experiment = read_experiment(write(tmp_path, STACK + text))
    (scenario,) = experiment.scenarios
    assert (experiment.compare, scenario.compare, scenario.requests[0].compare) == ("status", "body", "status")
    assert experiment.volatile_patterns == (r"build-\d+",)
