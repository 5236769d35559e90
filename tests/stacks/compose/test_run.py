"""Whole runs on containers: they leave the records of any run, and no containers however they end."""

from __future__ import annotations

import json
import secrets
import signal
import time
from pathlib import Path

import pytest

from bakeoff.stacks import Usage
from bakeoff.stacks.cgroup import Cgroup, cgroup_of
from bakeoff.stacks.compose.engine import Engine
from tests.e2e.test_run import assert_measured
from tests.stacks.compose.shop import COMPOSE, Bakeoff, left, records_of, serving, summary_of

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("nothing_left_over")]


def test_stacks_in_containers_leave_the_records_of_any_run(shop: Path, bakeoff: Bakeoff) -> None:
    """One has a service in the Compose file, the other has none; both are measured by their control groups."""
    running = bakeoff()
    _, errors = running.communicate(timeout=120)
    assert_measured(running.returncode, errors)
    records = records_of(shop)
    assert records.keys() == {"one", "two"}
    for record in records.values():
        assert record["failure"] is None
        assert 0 < record["server"]["cpu_s"] < record["window_s"]
        assert 2**20 < record["server"]["rss_bytes"] < 96 * 2**20
        assert record["server"]["processes"] == 1
    assert all(row["rss_mib"] > 1 for row in summary_of(shop)["results"])
    (log,) = shop.glob("results/*/blocks/0000/one.log")
    assert log.read_text("utf-8").count("GET / ") > 100
    (manifest,) = shop.glob("results/*/manifest.json")
    place = json.loads(manifest.read_text("utf-8"))["place"]
    assert place["engine"].startswith("Docker ")
    assert "Python 3." in place["image bakeoff-test"]


def test_a_container_that_is_killed_under_load_is_a_failed_record(engine: Engine, shop: Path, bakeoff: Bakeoff) -> None:
    """The record has its log; the other stack is measured all the same."""
    running = bakeoff()
    engine.run("docker", "kill", serving(engine, running, "one"))
    _, errors = running.communicate(timeout=120)
    assert_measured(running.returncode, errors)
    records = records_of(shop)
    assert records["one"]["failure"]["stage"] == "exit"
    assert records["one"]["failure"]["message"].startswith("ended with status 137")
    assert "GET / " in records["one"]["failure"]["log"]
    assert records["one"]["server"] is None
    assert records["two"]["failure"] is None


def test_a_stack_that_takes_too_much_memory_is_a_failed_record_that_says_so(shop: Path, bakeoff: Bakeoff) -> None:
    """The limit is that of the others, though it has no service."""
    hungry = '\n[stacks.hungry]\ncommand = ["python", "-c", "x = bytearray(2**28) # {port}"]\n'
    with (shop / "bakeoff.toml").open("a", encoding="utf-8") as file:
        file.write(hungry)
    running = bakeoff()
    _, errors = running.communicate(timeout=120)
    assert_measured(running.returncode, errors)
    failure = records_of(shop)["hungry"]["failure"]
    assert (failure["stage"], failure["message"]) == ("start", "ran out of the memory it may use")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_interrupted_or_killed_leaves_nothing_running(
    engine: Engine, bakeoff: Bakeoff, sent: signal.Signals
) -> None:
    """After SIGKILL, which Bakeoff cannot handle, the watchdog cleans up."""
    before = left(engine)
    running = bakeoff()
    serving(engine, running, "one")
    assert len(left(engine) - before) == 5, "three containers, a network and a volume"
    running.send_signal(sent)
    _, errors = running.communicate(timeout=60)
    assert "Traceback" not in errors
    deadline_s = time.monotonic() + 60
    while left(engine) != before and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert left(engine) == before


def test_a_volume_of_the_users_own_is_neither_mounted_nor_removed(engine: Engine, shop: Path, bakeoff: Bakeoff) -> None:
    """Their Compose file gives it a fixed name, so that their project and that of the run would share it."""
    name = f"bakeoff-tests-{secrets.token_hex(4)}"
    with_volume = ("docker", "run", "--rm", "--user=0", "--network=none", "--volume", f"{name}:/data", "bakeoff-apps")
    engine.run(*with_volume, "python", "-c", "open('/data/recipe', 'w').write('cake')")
    try:
        (shop / "docker-compose.yml").write_text(COMPOSE.rstrip() + f"\n    name: {name}\n", "utf-8")
        running = bakeoff()
        container = serving(engine, running, "one")
        inside = engine.run("docker", "exec", container, "python", "-c", "import os; print(os.listdir('/data'))")
        assert inside == "[]\n"
        _, errors = running.communicate(timeout=120)
        assert "Traceback" not in errors
        assert engine.run(*with_volume, "python", "-c", "print(open('/data/recipe').read())") == "cake\n"
    finally:
        engine.run("docker", "volume", "rm", name)


def test_a_run_that_fails_leaves_nothing_running(shop: Path, bakeoff: Bakeoff) -> None:
    """Here because a scenario cannot be imported; the fixture checks what is left."""
    (shop / "users.py").write_text("import nonexistent", "utf-8")
    with (shop / "bakeoff.toml").open("a", encoding="utf-8") as file:
        file.write('[scenarios.mine]\nlocustfile = "users.py"\n')
    running = bakeoff()
    _, errors = running.communicate(timeout=120)
    assert running.returncode == 2, errors
    assert "Traceback" not in errors


def test_an_image_that_cannot_be_built_is_the_users_mistake(shop: Path, bakeoff: Bakeoff) -> None:
    (shop / "Dockerfile").write_text("FROM bakeoff-apps\nCOPY missing.py /srv/\n", "utf-8")
    running = bakeoff()
    _, errors = running.communicate(timeout=120)
    assert running.returncode == 2
    (line,) = [line for line in errors.splitlines() if "note:" not in line]
    assert "cannot be built" in line
    assert "missing.py" in line


def test_the_control_group_has_the_cpu_time_of_a_container(engine: Engine) -> None:
    """A process in a container uses half a second and prints it; the same is read outside."""
    burn = "import time\nwhile time.process_time() < 0.5: pass\nprint(time.process_time(), flush=True)\ntime.sleep(60)"
    container = engine.run(
        "docker", "run", "--detach", "--rm", "--network=none", "bakeoff-apps", "python", "-c", burn
    ).strip()
    try:
        group = cgroup_of(engine.state(container).pid, container)
        assert isinstance(group, Cgroup)
        deadline_s = time.monotonic() + 30
        while not (printed := engine.run("docker", "logs", container)) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        usage = group.usage()
        assert isinstance(usage, Usage)
        assert float(printed) <= usage.cpu_s < float(printed) + 0.3, "the runtime's start of the container is added"
        assert (usage.processes, usage.threads) == (1, 1)
    finally:
        engine.run("docker", "rm", "--force", container)
