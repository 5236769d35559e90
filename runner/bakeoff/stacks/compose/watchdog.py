"""Takes a Compose project down when Bakeoff has ended, however it ended: ``watchdog.py FOLDER COMMAND ARGUMENT...``.

It waits for the end of its standard input, a pipe. Bakeoff holds the other end, and so does each command that Bakeoff
has started, so that nothing can come up after the project was taken down. The kernel closes the pipe when they end,
even by SIGKILL. It runs as a script of its own with ``python -I -S``, in its own session, which Ctrl-C does not reach.
"""

import shutil
import subprocess
import sys


def main(folder: str, command: list[str]) -> int:
    """Wait, run the command, remove the folder of the project's files; returns the command's exit code."""
    sys.stdin.buffer.read()
    process = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    shutil.rmtree(folder)
    if process.returncode:
        sys.stdout.buffer.write(process.stdout)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
