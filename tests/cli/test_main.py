"""The registry of commands, and what the process exits with."""

from __future__ import annotations

import importlib
import pkgutil
import signal
from collections.abc import Iterator

import pytest

from bakeoff import cli
from bakeoff.cli import schema
from bakeoff.cli.main import COMMANDS, main
from bakeoff.model import BakeoffError, UserError


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Whatever `main` does with SIGTERM is undone."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_every_module_with_arguments_is_a_registered_command() -> None:
    """No command is forgotten, and none is registered without a module."""
    modules = [importlib.import_module(f"bakeoff.cli.{info.name}") for info in pkgutil.iter_modules(cli.__path__)]
    commands = {module.__name__.rpartition(".")[2] for module in modules if hasattr(module, "add_arguments")}
    assert commands == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its help opens with its usage and the sentence of the registry; its module names the command."""
    with pytest.raises(SystemExit) as exit_:
        main([name, "--help"])
    assert exit_.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith(f"usage: bakeoff {name} ")
    assert COMMANDS[name] in printed
    module = importlib.import_module(f"bakeoff.cli.{name}")
    assert (module.__doc__ or "").startswith(f"``bakeoff {name}``: ")


def test_every_command_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """With its sentence."""
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert all(f" {name} {text}" in printed for name, text in COMMANDS.items())


@pytest.mark.parametrize("arguments", [[], ["bake"], ["report"], ["run", "--profile", "slow"]])
def test_wrong_arguments_exit_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As every other mistake of the user."""
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "usage: bakeoff" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "exit_code", "message"),
    [
        (UserError("app.toml: no stacks; add one"), 2, "bakeoff: app.toml: no stacks; add one\n"),
        (BakeoffError("the generator was lost"), 3, "bakeoff: failed: the generator was lost\n"),
        (KeyboardInterrupt(), 3, "bakeoff: interrupted; every server was stopped, complete blocks are kept\n"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    error: BaseException,
    exit_code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a traceback, whoever's error it is."""

    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr(schema, "run", fail)
    assert main(["schema"]) == exit_code
    assert capsys.readouterr().err == message


def test_the_exit_code_is_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate's 1 arrives as it is."""
    monkeypatch.setattr(schema, "run", lambda options: 1)
    assert main(["schema"]) == 1


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """`bakeoff --version`."""
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == "bakeoff 0.1.0\n"
