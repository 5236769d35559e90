"""Becomes another program, one that ends when its parent does: ``launch.py PARENT PROGRAM ARGUMENT...``.

Run as a plain script by the interpreter alone (``-I -S``): it imports nothing of the package, and replaces itself.
"""

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent_pid: int, command: list[str]) -> None:
    """Run ``command`` in this process's place, unless the parent has ended already."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:  # It ended before the kernel was told to watch it.
        sys.exit(1)
    # A parent started with SIGINT ignored (a shell's background job) would hand that down.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
