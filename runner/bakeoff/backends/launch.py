"""Becomes another program, pinned to CPUs, that ends when its parent does: ``launch.py CPUS PROGRAM ARGUMENT...``.

Run as a plain script by the interpreter alone (``-I -S``): it imports nothing of the package, and replaces itself.
"""

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(cpus: str, command: list[str]) -> None:
    """Pin to ``cpus`` (comma-separated; empty for anywhere), then run ``command`` in this process's place."""
    if cpus:
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # A parent started with SIGINT ignored (a shell's background job) would hand that down.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
