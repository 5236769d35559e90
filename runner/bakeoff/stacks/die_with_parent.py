"""Replaces itself with a program that ends when its parent does: ``die_with_parent.py PARENT PROGRAM ARGUMENT...``.

It runs as a script of its own with ``python -I -S`` and so imports nothing of the package.
"""

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent_pid: int, command: list[str]) -> None:
    """Execute ``command`` in place of this process, unless the parent has ended already."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:  # It ended before the kernel was asked to send the signal.
        sys.exit(1)
    # A parent that ignores SIGINT (a shell's background job) would pass that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
