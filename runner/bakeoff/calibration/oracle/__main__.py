"""``python -m bakeoff.calibration.oracle``: serve until told to stop or until stdin is closed."""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
import sys
from typing import NoReturn

import msgspec

from bakeoff.calibration.oracle.behaviour import Behaviour
from bakeoff.calibration.oracle.poller import best_poller
from bakeoff.calibration.oracle.server import Listening, Server

STDIN = 0
USERS_MISTAKE = 2


def _fail(message: str) -> NoReturn:
    print(f"bakeoff.calibration.oracle: {message}", file=sys.stderr)
    raise SystemExit(USERS_MISTAKE)


def _behaviour(text: str) -> Behaviour:
    try:
        return msgspec.json.decode(text, type=Behaviour)
    except msgspec.MsgspecError as error:
        _fail(f"--behaviour: {error}")


def _cpus(text: str) -> frozenset[int]:
    try:
        return frozenset(int(word) for word in text.split(",") if word)
    except ValueError:
        _fail(f"--cpus: {text!r} is no list of numbers such as 0,1")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bakeoff.calibration.oracle", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 (the default) draws a free one")
    parser.add_argument("--behaviour", default="{}", help="JSON; without it every request is answered at once")
    parser.add_argument("--cpus", default="", help="CPUs to stay on, such as 1 or 0,1; ignored where unsupported")
    return parser.parse_args()


def _stay_on(cpus: frozenset[int]) -> None:
    if cpus and sys.platform == "linux":
        try:
            os.sched_setaffinity(0, cpus)
        except OSError as error:
            _fail(f"--cpus: {error.strerror}")


def _allow_many_connections() -> None:
    """Raise the limit on open files as far as it may be raised."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS refuses "unlimited"; its default will do.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _server(behaviour: Behaviour, port: int) -> Server:
    try:
        return Server(behaviour, best_poller(), port)
    except (OSError, OverflowError) as error:
        _fail(f"--port {port}: {error}")


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


def main() -> None:
    """Serve."""
    arguments = _arguments()
    behaviour = _behaviour(arguments.behaviour)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    _stay_on(_cpus(arguments.cpus))
    _allow_many_connections()
    server = _server(behaviour, arguments.port)
    print(msgspec.json.encode(Listening(port=server.port, pid=os.getpid())).decode(), flush=True)
    server.stop_at_end_of(STDIN)
    server.serve()


if __name__ == "__main__":
    main()
