"""What a process has loaded is read from its memory map."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bakeoff.stacks.extensions import loaded_by, packages_in

MAPS = """\
7f1 r-xp 00000000 08:01 11 /venv/lib/python3.11/site-packages/uvloop/loop.cpython-311-x86_64-linux-gnu.so
7f2 r--p 00000000 08:01 12 /venv/lib/python3.11/site-packages/httptools/parser/parser.cpython-311-x86_64-linux-gnu.so
7f3 r-xp 00000000 08:01 13 /usr/lib/python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so
7f4 r-xp 00000000 08:01 14 /venv/lib/python3.11/site-packages/_cffi_backend.cpython-311-x86_64-linux-gnu.so (deleted)
7f5 rw-p 00000000 00:00 0 [heap]
"""


def test_installed_packages_are_told_from_the_standard_library() -> None:
    """The interpreter's own extensions say nothing about a server."""
    assert packages_in(MAPS) == {"uvloop", "httptools", "_cffi_backend"}


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_a_process_shows_what_it_has_imported_and_nothing_else() -> None:
    """Two processes of one interpreter differ."""
    code = "import sys; __import__(sys.argv[1]); print(flush=True); sys.stdin.read()"
    programs = [
        subprocess.Popen([sys.executable, "-c", code, module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for module in ("httptools", "json")
    ]
    try:
        for one in programs:
            assert one.stdout is not None
            one.stdout.readline()
        assert [loaded_by([one.pid]) for one in programs] == [("httptools",), ()]
    finally:
        for one in programs:
            one.communicate()


def test_a_process_that_has_ended_has_loaded_nothing() -> None:
    """It may end between being listed and being looked at."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert loaded_by([ended.pid]) == ()
    assert os.getpid() != ended.pid
