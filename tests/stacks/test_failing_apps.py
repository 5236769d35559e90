"""Ten ways in which somebody's own app fails at the first try: each message names the place and what to do."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bakeoff.experiment import read_experiment
from bakeoff.load.hints import hint
from bakeoff.model import Answer, Block, Redaction, Stack, UserError
from bakeoff.stacks import StackUnderTest, StartFailure, Unknown, ready
from bakeoff.stacks.cause import ending, last_exception, restarts, silence
from bakeoff.stacks.ready import wait_until_ready
from tests.builders import stack

SHOP = stack("shop", app="shop.wsgi:app", directory="/home/me/shop")
URL = "http://127.0.0.1:20001"
BLOCK = Block(number=0, start_order=("shop",), hash_seed=0, port_seed=0, slices=())


def gunicorn_log(*frames: str, raised: str) -> str:
    """What gunicorn writes when the app raises as it is imported."""
    shown = "\n".join(frames)
    return f"""[2026-01-01 10:00:00 +0000] [17] [ERROR] Exception in worker process
Traceback (most recent call last):
  File "/home/me/shop/.venv/lib/python3.11/site-packages/gunicorn/arbiter.py", line 737, in spawn_worker
    worker.init_process()
    ~~~~~~~~~~~~~~~~~~~^^
  File "/usr/lib/python3.11/importlib/__init__.py", line 126, in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
  File "<frozen importlib._bootstrap>", line 1206, in _gcd_import
{shown}
{raised}
{raised.partition(": ")[2]}
[2026-01-01 10:00:00 +0000] [16] [ERROR] Worker (pid:17) exited with code 3
[2026-01-01 10:00:00 +0000] [16] [ERROR] Shutting down: Master
[2026-01-01 10:00:00 +0000] [16] [ERROR] Reason: Worker failed to boot.
"""


OWN_FRAME = '  File "/home/me/shop/shop/wsgi.py", line 3, in <module>\n    import stripe'


def wait(url: str, started: Stack) -> None:
    """Wait for a stack that runs, and has just been started."""
    wait_until_ready(url, started, lambda: None, lambda: "", time.monotonic())


# --- 1, 2: the module, and a package that is missing -----------------------------------------------------------------


@pytest.mark.parametrize(
    "log",
    [
        gunicorn_log(raised="ModuleNotFoundError: No module named 'shop.wsgi'"),
        'ERROR:    Error loading ASGI app. Could not import module "shop.wsgi".\n',
    ],
    ids=["gunicorn", "uvicorn"],
)
def test_a_wrong_module(log: str) -> None:
    message = ending("ended with status 3", log, SHOP)
    assert message.endswith('; there is no module shop.wsgi in /home/me/shop: correct app = "shop.wsgi:app"')
    assert "Worker failed to boot" not in message


WAITRESS = Stack(
    name="shop",
    interface="wsgi",
    command=("waitress-serve", "--listen={host}:{port}", "shop.wsgi:app"),
    directory="/home/me/shop",
)


@pytest.mark.parametrize(
    ("raised", "argument", "message"),
    [
        (
            "ModuleNotFoundError",
            "No module named 'shop.wsgi'",
            "ModuleNotFoundError: No module named 'shop.wsgi'; ended with status 1; "
            "there is no module shop.wsgi in /home/me/shop: correct shop.wsgi:app in its command",
        ),
        (
            "AttributeError",
            "module 'shop.wsgi' has no attribute 'app'",
            "AttributeError: module 'shop.wsgi' has no attribute 'app'; ended with status 1; "
            "correct shop.wsgi:app in its command: name the application object that shop.wsgi has",
        ),
    ],
)
def test_a_wrong_app_in_a_command(raised: str, argument: str, message: str) -> None:
    """Waitress writes no traceback."""
    log = f"There was an exception ({raised}) importing your module.\n\nIt had these arguments: \n1. {argument}\n\n"
    assert ending("ended with status 1", log, WAITRESS) == message


def test_a_wrong_attribute() -> None:
    log = "Failed to find attribute 'app' in 'shop.wsgi'.\n[2026-01-01 10:00:00 +0000] [16] [ERROR] Reason: App failed."
    message = ending("ended with status 4", log, SHOP)
    assert message == (
        "ended with status 4: Failed to find attribute 'app' in 'shop.wsgi'; "
        'correct app = "shop.wsgi:app": name the application object that shop.wsgi has'
    )


def test_a_missing_package() -> None:
    """The exception with its place comes first, then how the server ended."""
    log = gunicorn_log(OWN_FRAME, raised="ModuleNotFoundError: No module named 'stripe'")
    assert ending("ended with status 3", log, SHOP) == (
        "ModuleNotFoundError: No module named 'stripe' (shop/wsgi.py, line 3); ended with status 3; "
        "install the package that has stripe where the stack runs, or set python to the interpreter that has it, "
        'such as python = ".venv/bin/python"'
    )


# --- 3: the port -----------------------------------------------------------------------------------------------------


def test_a_port_that_two_stacks_want(tmp_path: Path) -> None:
    """Before anything is started."""
    path = tmp_path / "bakeoff.toml"
    stacks = "".join(f'[stacks.{name}]\ncommand = ["serve", "{{port}}"]\nport = 8000\n' for name in ("a", "b"))
    path.write_text(stacks + '[scenarios.front]\nrequests = [{ get = "/" }]\n', "utf-8")
    with pytest.raises(UserError, match=r"\[stacks.b\]: port 8000 is that of 'a' too, .*; remove port to use a free"):
        read_experiment(path)


def test_a_port_that_the_app_has_taken_itself() -> None:
    frame = '  File "/home/me/shop/app.py", line 9, in <module>\n    app.run(port=20001)'
    log = gunicorn_log(frame, raised="OSError: [Errno 98] Address already in use")
    message = ending("ended with status 3", log, SHOP)
    assert message.startswith("OSError: [Errno 98] Address already in use (app.py, line 9); ended with status 3; ")
    assert message.endswith('A run() belongs under if __name__ == "__main__"')


def test_an_app_that_starts_a_server_of_its_own_in_each_worker() -> None:
    """Flask's: the second worker finds its port taken, and ends, and is started again."""
    log = (
        "Port 5000 is in use by another program. Either identify and stop that program, or start the server with a "
        "different port.\n * Running on http://127.0.0.1:5000\n\x1b[33mPress CTRL+C to quit\x1b[0m\n"
        "[2026-01-01 10:00:00 +0000] [16] [ERROR] Worker (pid:17) exited with code 1\n"
    )
    message = str(restarts(log * 3, SHOP))
    assert message.startswith("its workers end again and again: Port 5000 is in use by another program.")
    assert message.endswith('A run() belongs under if __name__ == "__main__"')


def test_an_app_that_starts_a_server_of_its_own_and_waits_for_it() -> None:
    """The server that it was given to never listens."""
    message = silence(ConnectionRefusedError(), URL, WAITRESS, " * Running on http://127.0.0.1:5000\n")
    assert message.startswith("nothing answers at 127.0.0.1:20001, and its log names http://127.0.0.1:5000: does the")
    assert message.endswith('Its run() belongs under if __name__ == "__main__"')


# --- 4, 5, 6: answers that are refusals ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "location", "means"),
    [
        ("/login", "/login/", "it redirects to /login/; request that path, or expect status = 302"),
        ("/author", "/author/", "it redirects to /author/; request that path, or expect"),
        ("/lesson", "/lessons/1", "it redirects to /lessons/1; request that path, or expect"),
        ("/cart?id=1", "/oauth2/start?rd=/cart", "it redirects to /oauth2/start?rd=/cart: the app wants a login; send"),
        ("/cart", "https://sso.example/auth", "it redirects to https://sso.example/auth: the app wants a login; send"),
        ("/cart", "https://shop.example/cart", "it redirects to https://shop.example/cart: the app insists on HTTPS"),
    ],
)
def test_a_redirect(path: str, location: str, means: str) -> None:
    """To a page for logging in, to HTTPS, or to another path."""
    assert str(hint("GET", path, 302, {"location": location}, "")).startswith(means)


@pytest.mark.parametrize(
    ("method", "status", "headers", "body", "means"),
    [
        ("GET", 405, {"allow": "POST, OPTIONS"}, "", "the app does not take GET there; it allows POST, OPTIONS"),
        ("GET", 401, {"www-authenticate": "Basic"}, "", "the app wants a login; send its headers = "),
        ("GET", 302, {"location": "/accounts/login/?next=/"}, "", "it redirects to /accounts/login/?next=/: the app"),
        ("POST", 403, {}, "<h1>CSRF verification failed.", "the app demands a CSRF token; use a Locust file"),
        ("GET", 301, {"location": "https://127.0.0.1/"}, "", "it redirects to https://127.0.0.1/: the app insists on"),
        ("GET", 308, {"location": "/cake/"}, "", "it redirects to /cake/; request that path, or expect status = 308"),
        ("GET", 404, {}, "", "the app has no such path"),
        ("GET", 400, {}, "DisallowedHost at /", 'Django refuses the host; add "127.0.0.1" to ALLOWED_HOSTS'),
        ("POST", 422, {}, "", "the app does not accept what is sent; give the request json"),
    ],
    ids=["wrong method", "login", "login page", "CSRF", "HTTPS", "slash", "path", "host", "body"],
)
def test_a_refusal(method: str, status: int, headers: dict[str, str], body: str, means: str) -> None:
    assert str(hint(method, "/cake", status, headers, body)).startswith(means)


def test_an_answer_that_needs_no_hint() -> None:
    assert hint("GET", "/cake", 200, {}, "cake") is None


# --- 7, 8, 9: a debug server that refuses, an app that exits, one that hangs -----------------------------------------


def test_a_debug_server_that_refuses() -> None:
    log = "CommandError: You must set settings.ALLOWED_HOSTS if DEBUG is False.\n"
    message = ending("ended with status 1", log, SHOP)
    assert message.startswith("ended with status 1: CommandError: You must set settings.ALLOWED_HOSTS if DEBUG is Fal")
    assert 'set ALLOWED_HOSTS = ["127.0.0.1"]' in message


def test_a_debug_server_that_refuses_without_its_debugger() -> None:
    """Werkzeug's, where Flask-SocketIO starts it."""
    frame = '  File "/home/me/shop/app.py", line 9, in <module>\n    socketio.run(app)'
    raised = "RuntimeError: The Werkzeug web server is not designed to run in production. Pass allow_unsafe_werkzeug."
    message = ending("ended with status 1", f"Traceback (most recent call last):\n{frame}\n{raised}\n", SHOP)
    assert message == (
        f"{raised} (app.py, line 9); ended with status 1; a debug server refuses to serve: use a server for production"
    )


def test_a_debug_server_that_listens_elsewhere() -> None:
    """Flask's own port, because the command does not pass on another."""
    debug = Stack(name="debug", interface="wsgi", command=("./debug", "{port}"))
    log = " * Running on http://127.0.0.1:5000\nPress CTRL+C to quit\n"
    message = silence(ConnectionRefusedError(), URL, debug, log)
    assert message == (
        "nothing answers at 127.0.0.1:20001, and its log names http://127.0.0.1:5000: "
        "let its command pass on {host} and {port}"
    )


def test_an_app_that_exits() -> None:
    """Its own last words, not the server's."""
    log = "no flour\n[2026-01-01 10:00:00 +0000] [16] [ERROR] Worker (pid:17) exited with code 1\n"
    assert ending("ended with status 1", log, SHOP) == "ended with status 1: no flour"
    assert restarts(log * 2, SHOP) is None, "few may end"
    assert restarts(log * 3, SHOP) == "its workers end again and again: no flour"


def test_workers_that_raise_and_are_started_again() -> None:
    """Uvicorn's, of whose end only multiprocessing tells."""
    log = f"Traceback (most recent call last):\n{OWN_FRAME}\nKeyError: 'STRIPE_KEY'\nProcess SpawnProcess-1:\n"
    assert restarts(log * 3, SHOP) == "KeyError: 'STRIPE_KEY' (shop/wsgi.py, line 3); its workers end again and again"


def test_an_app_that_raised_and_stays_silent() -> None:
    """What it raised comes before what is seen from outside, and what to do is about that."""
    log = f"Traceback (most recent call last):\n{OWN_FRAME}\nModuleNotFoundError: No module named 'stripe'\n"
    message = silence(ConnectionRefusedError(), URL, SHOP, log)
    assert message.startswith(
        "ModuleNotFoundError: No module named 'stripe' (shop/wsgi.py, line 3); nothing listens at 127.0.0.1:20001, "
        "though it runs; install the package that has stripe"
    )
    assert "hang" not in message


def test_an_app_that_hangs_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "READY_WITHIN_S", 0.2)
    monkeypatch.setattr(ready, "LEAST_WAIT_S", 0.0)
    monkeypatch.setattr(ready, "FIRST_ANSWER_WITHIN_S", 0.1)
    with listening(None) as url, pytest.raises(StartFailure) as caught:
        wait(url, SHOP)
    assert str(caught.value) == (
        f"not ready within 0.2 s: it takes connections at {url.removeprefix('http://')} and does not answer: "
        "does the app hang at import, or wait for a service?"
    )


def test_an_app_that_hangs_before_its_server_listens() -> None:
    """Uvicorn imports the app first."""
    message = silence(ConnectionRefusedError(), URL, SHOP, "")
    assert message == (
        "nothing listens at 127.0.0.1:20001, though it runs: "
        "does the app hang at import, wait for a service, or listen elsewhere?"
    )


# --- 10: 500 on every path -------------------------------------------------------------------------------------------


@dataclass
class Failing:
    """A running stack that fails."""

    log: str
    stack, url, pid = SHOP, URL, None

    def log_tail(self) -> str:
        return self.log

    def usage(self) -> Unknown:
        return Unknown("it is made up")

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@dataclass
class Backend:
    log: str

    def start(self, *_: Any) -> Any:
        return Failing(self.log)


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        (
            "Exception on / [GET]\nTraceback (most recent call last):\n"
            '  File "/home/me/shop/shop/views.py", line 7, in front\n    1 / 0\n    ~~^~~\n'
            "ZeroDivisionError: division by zero\n",
            "ZeroDivisionError: division by zero (shop/views.py, line 7)",
        ),
        (
            "Listening at http://127.0.0.1:20001\n",
            "the app fails there, and its log has no exception; make it log errors",
        ),
    ],
    ids=["logged", "not logged"],
)
def test_an_error_on_every_path(log: str, cause: str) -> None:
    """The app's exception, with file and line."""
    failing = StackUnderTest(SHOP, Redaction(()))
    failing.start(Backend(log), BLOCK, Path())
    answer = Answer(endpoint="/", method="GET", path="/", status=500, body="", problem="status 500, not 200")
    failing.note_answers([answer])
    assert failing.failure is not None
    assert failing.failure.message == f"GET /: status 500, not 200: {cause}"


# --- readiness -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def listening(status: int | None, later: int | None = None) -> Iterator[str]:
    """The URL of a server that answers with a status, after the third time with another, or never."""
    answered = 0
    ended = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal answered
            if status is None:
                ended.wait(30)
                return
            answered += 1
            self.send_response(later if later and answered > 3 else status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            ended.set()
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("status", [200, 302, 404, 405, 500, 503])
def test_any_answer_means_ready_where_no_path_is_given(status: int) -> None:
    with listening(status) as url:
        wait(url, SHOP)


@pytest.mark.parametrize("status", [301, 401, 404, 500])
def test_a_definite_refusal_of_the_ready_path_is_told_at_once(status: int) -> None:
    asked = stack("shop", ready="/health")
    began_s = time.monotonic()
    with listening(status) as url, pytest.raises(StartFailure, match=f"^GET /health answered {status}: .*remove ready"):
        wait(url, asked)
    assert time.monotonic() - began_s < ready.READY_WITHIN_S / 2, "not at the end of the wait"


@pytest.mark.parametrize(("status", "later"), [(503, 200), (502, 204), (404, 200)])
def test_a_stack_that_is_still_starting_is_waited_for(status: int, later: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "REFUSED_FOR_S", 20.0)
    with listening(status, later) as url:
        wait(url, stack("shop", ready="/health"))


def test_a_stack_that_was_started_with_others_is_not_waited_for_as_long_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two apps that hang, the second has had its time when the first is given up."""
    monkeypatch.setattr(ready, "LEAST_WAIT_S", 0.1)
    began_s = time.monotonic()
    with pytest.raises(StartFailure, match=r"^not ready within 30 s: nothing listens at "):
        wait_until_ready("http://127.0.0.1:9", SHOP, lambda: None, lambda: "", began_s - ready.READY_WITHIN_S)
    assert time.monotonic() - began_s < ready.READY_WITHIN_S / 2


def test_a_stack_that_says_for_good_that_it_is_starting_says_what_it_may_wait_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ready, "READY_WITHIN_S", 0.2)
    monkeypatch.setattr(ready, "LEAST_WAIT_S", 0.0)
    asked = stack("shop", ready="/health")
    with listening(503) as url, pytest.raises(StartFailure, match="answered 503: the app says that it is still star"):
        wait(url, asked)


# --- tracebacks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("", None),
        ("Booting\nListening at http://127.0.0.1:8000\n", None),
        (
            'Traceback (most recent call last):\n  File "/home/me/shop/app.py", line 2\n    def :\n        ^\n'
            "SyntaxError: invalid syntax\n",
            "SyntaxError: invalid syntax (app.py, line 2)",
        ),
        (
            gunicorn_log(OWN_FRAME, raised="KeyError: 'STRIPE_KEY'").replace("KeyError", "django.core.X.Improper")
            + "Traceback (most recent call last):\n"
            '  File "/usr/lib/python3.11/asyncio/runners.py", line 118, in run\nasyncio.exceptions.CancelledError\n',
            "django.core.X.Improper: 'STRIPE_KEY' (shop/wsgi.py, line 3)",
        ),
        (
            '  File "/home/me/shop/app.py", line 5, in load\n    read()\nFileNotFoundError: menu.json\n\n'
            "During handling of the above exception, another exception occurred:\n\n"
            "Traceback (most recent call last):\n"
            '  File "/srv/menu.py", line 7, in <module>\n    load()\nMenuError: no menu\nwith more\n',
            "MenuError: no menu (menu.py, line 7)",
        ),
        (
            "  + Exception Group Traceback (most recent call last):\n"
            '  |   File "/home/me/shop/app.py", line 4, in start\n  |     run()\n'
            "  | ExceptionGroup: errors (1 sub-exception)\n"
            "  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n"
            '    |   File "/home/me/shop/app.py", line 2, in run\n    |     1 / 0\n'
            "    | ZeroDivisionError: division by zero\n"
            "    +------------------------------------\n",
            "ZeroDivisionError: division by zero (app.py, line 2)",
        ),
    ],
    ids=["empty", "no traceback", "syntax", "a server's end", "chain", "group"],
)
def test_the_cause_is_the_last_exception_of_the_app(log: str, cause: str | None) -> None:
    assert last_exception(log, "/home/me/shop") == cause
