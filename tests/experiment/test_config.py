"""What users write is checked, completed, and refused in one line that names the place and the remedy."""

from pathlib import Path

import pytest

from bakeoff.experiment.config import apply_profile, read_experiment, select
from bakeoff.model import ClosedLoad, OpenLoad, Stage, UserError

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


def test_a_load_may_step_and_ramp(tmp_path: Path) -> None:
    """A stage without a second rate keeps its first."""
    loads = "[experiment]\nloads = [{ stages = [{ rate = 10, to = 90, for_s = 4 }, { rate = 90, for_s = 2 }] }]\n"
    (load,) = read_experiment(write(tmp_path, SMALLEST + loads)).loads
    assert isinstance(load, OpenLoad)
    assert load.stages == (Stage(for_s=4, rate_rps=10, to_rps=90), Stage(for_s=2, rate_rps=90, to_rps=90))


def test_the_bundled_experiment_is_valid_and_can_conclude() -> None:
    """The file behind ``make bench`` compares four stacks at two loads, with enough blocks."""
    experiment = apply_profile(read_experiment(Path("bakeoff.toml")), "full")
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
    "no scenario": (STACK, r"\[scenarios\]: nothing to ask; add"),
    "not TOML": ("= 3", "not valid TOML"),
    "an unknown table": (SMALLEST + "[stack.x]\n", r"\[stack\]: unknown table; did you mean 'stacks'\?"),
    "an unknown key": (SMALLEST.replace("command", "comand"), r"\[stacks.mine\]: unknown key 'comand'; .*'command'"),
    "a wrong type": (SMALLEST + '[experiment]\nblocks = "six"\n', r"\[experiment\]: blocks: expected `int"),
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
    "no users": (SMALLEST + "[experiment]\nloads = [{ users = 0 }]\n", "users must be at least 1"),
    "no rate": (SMALLEST + "[experiment]\nloads = [{ rate = 0 }]\n", "rate must be above 0"),
    "an empty stage": (
        SMALLEST + "[experiment]\nloads = [{ stages = [{ rate = 5, for_s = 0 }] }]\n",
        "for_s",
    ),
    "stages of nothing": (SMALLEST + "[experiment]\nloads = [{ stages = [{ rate = 0, for_s = 1 }] }]\n", "above 0"),
    "no blocks": (SMALLEST + "[experiment]\nblocks = 0\n", r"\[experiment\]: blocks: must be at least 1"),
    "a url with a path": (f'[stacks.x]\nurl = "https://a.example/shop"\n{SCENARIO}', "must be scheme and host"),
    "a url with a password": (
        f'[stacks.x]\nurl = "https://me:secret@a.example"\n{SCENARIO}',
        "must be scheme and host",
    ),
    "a url of something to start": (f'[stacks.x]\nurl = "http://a.example"\n{APP}{SCENARIO}', "runs already; besides"),
    "a name that is a path": (SMALLEST + '[experiment]\nname = "../x"\n', "is no name"),
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
    """It is asked at / whether it is ready."""
    text = '[stacks.staging]\ninterface = "asgi"\nurl = "https://staging.example:8443/"\n'
    (stack,) = read_experiment(write(tmp_path, text + SCENARIO)).stacks
    assert (stack.url, stack.ready, stack.interface) == ("https://staging.example:8443", "/", "asgi")


def test_a_missing_file_is_the_users_mistake(tmp_path: Path) -> None:
    """With the verb that makes one."""
    with pytest.raises(UserError, match=r"does not exist; .* bakeoff init"):
        read_experiment(tmp_path / "none.toml")


def test_only_the_named_stacks_are_kept(tmp_path: Path) -> None:
    """The first of them is the baseline where the declared one is left out."""
    experiment = read_experiment(write(tmp_path, SMALLEST + STACK.replace("mine", "other")))
    assert select(experiment, ["other"], []).baseline == "other"
    with pytest.raises(UserError, match="unknown stack 'othr'; did you mean 'other'"):
        select(experiment, ["othr"], [])


def test_a_design_without_power_is_refused(tmp_path: Path) -> None:
    """Unless it is only a try."""
    experiment = read_experiment(write(tmp_path, SMALLEST + STACK.replace("mine", "other")))
    with pytest.raises(UserError, match="set blocks = 6"):
        apply_profile(experiment, "full", blocks=3)
    assert apply_profile(experiment, "smoke").blocks == 1
