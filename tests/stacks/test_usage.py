"""What processes have used is all of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bakeoff.stacks.usage import usage_of_session

BURNS_IN_A_THREAD = """
import threading, time
def burn():
    while time.thread_time() < 0.2: pass
thread = threading.Thread(target=burn)
thread.start()
thread.join()
print(flush=True)
input()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system's own account is taken")
def test_the_time_of_threads_that_ended_counts() -> None:
    """A server that starts a thread for each connection has used more than those that are left tell."""
    command = [sys.executable, "-c", BURNS_IN_A_THREAD]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        use = usage_of_session(process.pid)
        process.communicate("\n")
    assert use.cpu_s >= 0.2
    assert (use.processes, use.threads) == (1, 1)


def test_a_session_that_is_gone_has_used_nothing() -> None:
    """Nor is it an error to ask."""
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as process:
        process.wait()
    assert usage_of_session(process.pid).processes == 0
