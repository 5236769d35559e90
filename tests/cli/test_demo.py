"""The demonstration is the experiment of the checkout or of the wheel, with an environment where one is needed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import bakeoff
from bakeoff.cli import demo
from bakeoff.experiment import read_experiment

ROOT = Path(__file__).parents[2]


def test_the_demonstration_is_that_of_the_checkout() -> None:
    experiment = demo.demonstration()
    assert experiment.path == str(ROOT / "bakeoff.toml")
    assert [stack.name for stack in experiment.stacks] == [
        stack.name for stack in read_experiment(ROOT / "bakeoff.toml").stacks
    ]


def test_the_demonstration_of_an_installed_package_lies_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own requirements, because a wheel's environment has no frameworks."""
    package = tmp_path / "site-packages" / "bakeoff"
    (package / "demo" / "scenarios").mkdir(parents=True)
    for file in ("bakeoff.toml", "scenarios/bakery.py"):
        (package / "demo" / file).write_bytes((ROOT / file).read_bytes())
    monkeypatch.setattr(bakeoff, "__file__", str(package / "__init__.py"))
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    stacks = demo.demonstration().stacks
    assert {stack.directory for stack in stacks} == {str(package / "demo")}
    assert {(stack.python, stack.packages) for stack in stacks} == {(sys.executable, ("-r requirements.txt",))}
