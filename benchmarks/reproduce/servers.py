"""Two endpoints without a framework, for ASGI and for WSGI: 10 KB at once, and 10 bytes after 100 ms."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

LARGE, SMALL = b"x" * 10_240, b"x" * 10
WAIT_S = 0.1
CONTENT_TYPE = "text/plain; charset=utf-8"

Send = Callable[[dict[str, Any]], Awaitable[None]]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


async def asgi(scope: dict[str, Any], _: Callable[[], Awaitable[Any]], send: Send) -> None:
    """Answer any HTTP request; ``/wait`` waits after it has sent the headers."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    headers = [(b"content-type", CONTENT_TYPE.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    waits = scope["path"] == "/wait"
    if waits:
        await asyncio.sleep(WAIT_S)
    await send({"type": "http.response.body", "body": SMALL if waits else LARGE})


def wsgi(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer any request; ``/wait`` waits first."""
    start_response("200 OK", [("content-type", CONTENT_TYPE)])
    if environ["PATH_INFO"] != "/wait":
        return [LARGE]
    time.sleep(WAIT_S)
    return [SMALL]
