"""What ``action.yml`` does with a gate's exit code, tested with a fake gate."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.e2e

ACTION = Path(__file__).parents[2] / "action.yml"
BAKEOFF = """#!/bin/sh
test -z "$VERDICT" && exit $STATUS
while [ "$1" != --out ]; do shift; done
mkdir "$2/20260101T000000Z-bakery-gate"
printf '{"gate": {"verdict": "%s"}}' "$VERDICT" > "$2/20260101T000000Z-bakery-gate/summary.json"
exit $STATUS
"""


def run_action(
    runner: Path, status: int, verdict: str, fail_on: str, **changes: str
) -> tuple[int, dict[str, str], str]:
    """Run the step as GitHub does, on a gate with this status and verdict: the job's status, outputs and log."""
    program = runner / "bakeoff" / "bin" / "bakeoff"
    program.parent.mkdir(parents=True)
    program.write_text(BAKEOFF, "utf-8")
    program.chmod(0o755)
    outputs = runner / "outputs"
    outputs.touch()
    (step,) = [step for step in yaml.safe_load(ACTION.read_text("utf-8"))["runs"]["steps"] if step.get("id") == "gate"]
    inputs = {"FILE": "bakeoff.toml", "BASE": "main", "STACK": "", "BUDGET_S": "120", "FAIL_ON": fail_on, **changes}
    environment = {"RUNNER_TEMP": str(runner), "GITHUB_OUTPUT": str(outputs), "STATUS": str(status), "VERDICT": verdict}
    completed = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env={**os.environ, **inputs, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = outputs.read_text("utf-8").splitlines()
    return completed.returncode, dict(line.split("=", 1) for line in lines), completed.stdout


@pytest.mark.parametrize(
    ("status", "verdict", "fail_on", "job"),
    [
        (0, "pass", "regression", 0),
        (1, "regression", "regression", 1),
        (1, "regression", "undecided", 1),
        (3, "inconclusive", "regression", 0),
        (3, "invalid", "regression", 0),
        (3, "inconclusive", "undecided", 3),
        (3, "regression", "regression", 1),
        (3, "pass", "regression", 3),
    ],
)
def test_the_verdict_is_the_status_of_the_job(
    tmp_path: Path, status: int, verdict: str, fail_on: str, job: int
) -> None:
    """A gate without a decision fails the job only on request; verdict and reports are always outputs."""
    job_status, outputs, _ = run_action(tmp_path, status, verdict, fail_on)
    assert job_status == job
    assert outputs["verdict"] == verdict
    assert {Path(outputs[name]).name for name in ("report", "junit")} == {"report.md", "junit.xml"}


@pytest.mark.parametrize("status", [2, 3])
def test_a_gate_that_failed_fails_the_job(tmp_path: Path, status: int) -> None:
    """It has no verdict at all, which is not the same as inconclusive."""
    assert run_action(tmp_path, status, "", "regression")[:2] == (status, {})


def test_the_base_is_said(tmp_path: Path) -> None:
    """Whoever reads the log knows what the change was compared with."""
    assert run_action(tmp_path, 0, "pass", "regression")[2].startswith("base: main\n")


@pytest.mark.parametrize("before", ["", "0" * 40])
def test_without_a_base_it_is_the_commit_where_this_one_branched_off(tmp_path: Path, before: str) -> None:
    """On a manual run, and at the first push of a branch."""
    git = tmp_path / "programs" / "git"
    git.parent.mkdir()
    git.write_text('#!/bin/sh\necho "$@" | tr " " -\n', "utf-8")
    git.chmod(0o755)
    path = f"{git.parent}:{os.environ['PATH']}"
    *_, log = run_action(tmp_path, 0, "pass", "regression", BASE=before, DEFAULT_BRANCH="trunk", PATH=path)
    assert log.startswith("base: merge-base-HEAD-origin/trunk\n")
