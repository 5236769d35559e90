"""``python -m bakeoff.calibration.oracle``: serve until stdin is closed.

The port is printed as JSON when the server listens. ``outcomes`` or ``log`` on stdin is answered on stdout by a line
with a number of bytes, and so many bytes: JSON, or the rows of the log.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
import sys

import msgspec

from bakeoff.calibration.oracle.behaviour import Behaviour
from bakeoff.calibration.oracle.server import Server, Started

STDIN, STDOUT = 0, 1
COMMAND_BYTES = 4096


def _behaviour(text: str) -> Behaviour:
    try:
        return msgspec.json.decode(text, type=Behaviour)
    except msgspec.MsgspecError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _allow_many_connections() -> None:
    """Raise the limit on open files as far as it may be raised."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS refuses "unlimited"; its default will do.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _obey(server: Server) -> None:
    """Answer the command on stdin; raises ``SystemExit`` when stdin is closed."""
    match os.read(STDIN, COMMAND_BYTES).strip():
        case b"":
            raise SystemExit(0)
        case b"outcomes":
            reply = msgspec.json.encode(server.log.outcomes())
        case b"log":
            reply = server.log.encode()
        case command:
            print(f"unknown command {command!r}: outcomes, log", file=sys.stderr)
            return
    sys.stdout.buffer.write(b"%d\n%b" % (len(reply), reply))
    sys.stdout.buffer.flush()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(
        prog="python -m bakeoff.calibration.oracle", usage=argparse.SUPPRESS, description=__doc__
    )
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 (the default) takes a free one")
    parser.add_argument("--behaviour", type=_behaviour, default=Behaviour(), help="JSON; default: right, at once")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    _allow_many_connections()
    try:
        server = Server(arguments.behaviour, arguments.port)
    except (OSError, OverflowError) as error:
        parser.error(f"--port {arguments.port}: {error}")
    started = msgspec.json.encode(Started(port=server.port, started_ns=server.started_ns))
    try:
        os.write(STDOUT, started + b"\n")
    except BrokenPipeError:  # The parent was interrupted while it waited for this.
        return
    try:
        server.watch(STDIN, lambda: _obey(server))
    except OSError:  # A file or /dev/null, which cannot be waited for: it has ended already.
        return
    server.serve()


if __name__ == "__main__":
    main()
