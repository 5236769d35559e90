"""What others wrote (servers, files, revisions) reaches the terminal without the codes that control one."""

from __future__ import annotations

import ast
import dataclasses
import unicodedata
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bakeoff import cli
from bakeoff.cli import schema
from bakeoff.cli.conclusion import show_findings
from bakeoff.cli.main import main
from bakeoff.cli.progress import RunProgress
from bakeoff.findings import state
from bakeoff.model import BakeoffError, ClosedLoad, Failure, Record, UserError, printable, printable_lines
from bakeoff.report.gate import terminal
from bakeoff.report.markdown import folded, plain
from tests.builders import experiment
from tests.gate import results
from tests.report.made_up import empty_run

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp"
CODES = set(HOSTILE) - set("]0;owned[2J31mgnp")


def controls(text: str) -> set[str]:
    """What is left of the codes."""
    return CODES & set(text)


@given(st.text(st.characters()))
def test_printable_text_is_one_line_that_a_terminal_only_prints(text: str) -> None:
    line = printable(text)
    assert len(line.splitlines()) <= 1
    assert "Cc" not in set(map(unicodedata.category, line))
    line.encode("utf-8")
    assert printable(line) == line


@given(st.lists(st.text(st.characters())))
def test_lines_stay_lines(lines: list[str]) -> None:
    assert printable_lines("\n".join(map(printable, lines))) == "\n".join(map(printable, lines))
    assert "\r" not in printable_lines("\r".join(lines))


@pytest.mark.parametrize("error", [UserError(HOSTILE), BakeoffError(HOSTILE), RuntimeError(HOSTILE)])
def test_an_error_is_printed_without_them(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr(schema, "run", fail)
    main(["schema"])
    printed = capsys.readouterr()
    assert "owned" in printed.err
    assert controls(printed.err + printed.out) == set()


def test_a_file_name_is_printed_without_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stacks", str(tmp_path / HOSTILE)]) == 2
    assert controls(capsys.readouterr().err) == set()


def test_a_command_is_listed_without_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bakeoff.toml"
    file.write_text(
        '[scenarios.s]\nrequests = [{ get = "/" }]\n[stacks.a]\ncommand = ["\\u001b[2J", "{port}"]\n', "utf-8"
    )
    assert main(["stacks", str(file)]) == 0
    assert controls(capsys.readouterr().out) == set()


@pytest.mark.parametrize("error", [UserError, BakeoffError, RuntimeError])
def test_a_password_in_a_url_is_not_printed(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An installer or git may say where it could not connect."""

    def fail(_: object) -> int:
        raise error("no answer from https://me:hunter2@index.example/simple")

    monkeypatch.setattr(schema, "run", fail)
    main(["schema"])
    printed = capsys.readouterr().err
    assert "no answer from https://[redacted]@index.example/simple" in printed
    assert "hunter2" not in printed


def test_a_command_is_listed_without_its_password(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bakeoff.toml"
    file.write_text(
        '[scenarios.s]\nrequests = [{ get = "/" }]\n'
        '[stacks.a]\ncommand = ["serve", "--password", "hunter2", "{port}"]\n',
        "utf-8",
    )
    assert main(["stacks", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "serve --password masked:" in printed
    assert "hunter2" not in printed


def test_a_failure_is_shown_without_them() -> None:
    """The last line of a server's log is part of its message."""
    console = Console(file=StringIO(), force_terminal=False, _environ={})
    record = Record(
        block=0, position=0, stack="a", scenario="s", load=ClosedLoad(users=8), started_unix_s=0.0, window_s=0.0,
        warmup_s=0.0, failure=Failure(stage="exit", message=HOSTILE),
    )  # fmt: skip
    RunProgress(experiment(), console=console).slice_ended(record)
    assert isinstance(console.file, StringIO)
    assert "owned" in console.file.getvalue()
    assert controls(console.file.getvalue()) == set()


def test_the_headline_is_shown_without_them(capsys: pytest.CaptureFixture[str]) -> None:
    findings = state(empty_run())
    headline = msgspec.structs.replace(findings.headline, text=HOSTILE)
    show_findings(dataclasses.replace(findings, headline=headline), Path(HOSTILE))
    printed = capsys.readouterr().out
    assert "owned" in printed
    assert controls(printed) == set()


def test_a_gate_is_shown_without_them() -> None:
    """Nor does a line of a server's log become a line of its own, which a CI might take for a command."""
    summary = results.summary(
        verdict="regression",
        broken_head=f"head ended: {HOSTILE}\n::error::owned",
        reasons=(HOSTILE,),
        head=HOSTILE,
        look_at_first=HOSTILE,
    )
    for shown in (terminal.render(summary, colour=False), terminal.annotation(summary)):
        assert "owned" in shown
        assert controls(shown) == set()
    assert not any(line.startswith("::") for line in terminal.render(summary, colour=True).splitlines())


def test_markdown_is_written_without_them() -> None:
    assert controls(plain(HOSTILE) + folded(HOSTILE, "")) == set()


def test_nothing_but_the_edge_prints() -> None:
    """Every command prints through the functions of `bakeoff.cli`, which take the codes out."""
    files = Path(cli.__file__).parent.glob("*.py")
    prints = [
        f"{file.name}:{node.lineno}"
        for file in files
        if file.name != "__init__.py"
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write", "sys.stderr.write")
    ]
    assert prints == []
