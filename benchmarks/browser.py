"""A headless Chromium, driven over its DevTools protocol: opens a page, looks, points, presses, takes pictures."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

WITHIN_S = 60.0
"""Longer than any answer takes on a busy machine; a browser that hangs fails the test."""
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-dev-shm-usage", "--remote-debugging-port=0", "--force-device-scale-factor=1"),
    # A page that Chromium takes for hidden gets no frames, and waits for them for ever.
    *("--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding"),
    "--disable-background-timer-throttling",
)


def chromium() -> str | None:
    """Where the browser is, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Tab:
    """One page of the browser."""

    def __init__(self, connection: ClientConnection, session: str) -> None:
        self._connection = connection
        self._session = session
        self._last = 0
        self.complaints: list[str] = []
        """Errors on the console, exceptions, and what the page's policy refused."""
        self.requested: list[str] = []
        """Every address that the page asked for."""

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._last += 1
        order = {"id": self._last, "method": method, "params": parameters, "sessionId": self._session}
        self._connection.send(json.dumps(order))
        while True:
            message = self._next()
            if message.get("id") == self._last:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._connection.recv(timeout=WITHIN_S))
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, event: str, about: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif event == "Runtime.consoleAPICalled" and about["type"] in {"error", "warning", "assert"}:
            self.complaints.append(str([each.get("value") for each in about["args"]]))
        elif event == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.complaints.append(about["entry"]["text"])
        elif event == "Network.requestWillBeSent":
            self.requested.append(about["request"]["url"])

    def open(
        self, path: Path, width: int = 1280, height: int = 900, *, dark: bool = False, scripts: bool = True
    ) -> Self:
        """Open a file and wait until it is loaded."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.resize(width, height)
        self.theme(dark=dark)
        self.call("Page.navigate", url=path.as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass
        return self

    def resize(self, width: int, height: int) -> None:
        """Set the size of the window."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def theme(self, *, dark: bool) -> None:
        """Set what the system prefers."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page; a promise is awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def layout_shift(self) -> float:
        """How much has jumped so far, of itself: the sum of the browser's own layout-shift entries."""
        value = self.ask(
            "new Promise((done) => { let sum = 0;"
            "new PerformanceObserver((list) => { for (const each of list.getEntries()) sum += each.value })"
            ".observe({ type: 'layout-shift', buffered: true });"
            "requestAnimationFrame(() => setTimeout(() => done(sum), 200)) })"
        )
        return float(value)

    def wait_for(self, condition: str) -> None:
        """Wait, frame by frame, until a condition holds in the page."""
        self.ask(
            f"new Promise((done) => {{ const look = () => ({condition}) ? done() : setTimeout(look, 16); look() }})"
        )

    def point_at(self, x: float, y: float) -> None:
        """Move the pointer there."""
        for step in (2, 0):
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x - step, y=y)

    def press(self, x: float, y: float) -> None:
        """Press and release the first button of the mouse there."""
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, *, whole: bool = False) -> bytes:
        """What is seen, or the whole page, as a PNG."""
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(taken["data"])


class Browser:
    """A running Chromium."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @contextmanager
    def tab(self) -> Iterator[Tab]:
        """A new page, closed at the end."""
        root = Tab(self._connection, "")
        created = self._root_call(root, "Target.createTarget", url="about:blank")
        target = {"targetId": created["targetId"]}
        session = self._root_call(root, "Target.attachToTarget", **target, flatten=True)["sessionId"]
        try:
            yield Tab(self._connection, session)
        finally:
            self._root_call(root, "Target.closeTarget", **target)

    def _root_call(self, root: Tab, method: str, **parameters: Any) -> dict[str, Any]:
        """A command to the browser itself, which has no session."""
        order = {"id": 0, "method": method, "params": parameters}
        self._connection.send(json.dumps(order))
        while (message := root._next()).get("id") != 0:
            pass
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result


@contextmanager
def browsing(program: str, profile: Path) -> Iterator[Browser]:
    """A browser with a fresh profile; ended, whatever happens."""
    running = subprocess.Popen(
        [program, *FLAGS, f"--user-data-dir={profile}"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        with connect(_address(running), max_size=None, open_timeout=WITHIN_S) as connection:
            yield Browser(connection)
    finally:
        running.terminate()
        running.wait(WITHIN_S)
        assert running.stderr is not None
        running.stderr.close()


def _address(running: subprocess.Popen[str]) -> str:
    """Where it listens, which it says on its error stream."""
    assert running.stderr is not None
    said = []
    for line in running.stderr:
        said.append(line)
        if line.startswith("DevTools listening on "):
            return line.removeprefix("DevTools listening on ").strip()
    raise AssertionError(f"Chromium ended: {''.join(said)}")
