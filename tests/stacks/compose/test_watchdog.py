"""The watchdog runs its command when the last holder of its pipe has ended, however that ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bakeoff.stacks.compose import watchdog


def start(folder: Path, *command: str) -> subprocess.Popen[str]:
    """A watchdog whose standard input this test holds."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", watchdog.__file__, str(folder), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_it_waits_for_a_process_that_inherited_the_pipe_even_if_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    process = start(tmp_path / "project", "touch", str(tmp_path / "down"))
    assert process.stdin is not None
    holder = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[process.stdin.fileno()]
    )
    process.stdin.close()
    assert process.poll() is None
    assert not (tmp_path / "down").exists()
    holder.kill()
    holder.communicate()
    assert process.wait(timeout=30) == 0
    assert (tmp_path / "down").exists()
    assert not (tmp_path / "project").exists()
    assert process.stdout is not None
    process.stdout.close()


def test_it_reports_a_command_that_failed(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    process = start(tmp_path / "project", sys.executable, "-c", "raise SystemExit('no engine')")
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "no engine\n")
    assert not (tmp_path / "project").exists()
