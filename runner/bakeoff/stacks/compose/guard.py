"""Takes a Compose project down when whoever brought it up has ended: ``guard.py FOLDER COMMAND ARGUMENT...``.

It waits for the end of its standard input. The other end is held by Bakeoff, and by each command that Bakeoff has
started and not seen end, so that nothing can come up after the project went down; the kernel closes it whatever they
die of. Run as a plain script by the interpreter alone (``-I -S``), in a session of its own that Ctrl-C does not reach.
"""

import shutil
import subprocess
import sys


def main(folder: str, command: list[str]) -> int:
    """Wait, take down, and remove the folder with the project's files; the exit code of the command."""
    sys.stdin.buffer.read()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    shutil.rmtree(folder)
    if done.returncode:
        sys.stdout.buffer.write(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
