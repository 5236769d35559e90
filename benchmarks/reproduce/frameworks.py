"""Two endpoints on Starlette and on FastAPI: HTML with a header of its own, and JSON made of all parts of a request.

Both apps have ten further routes before them, five with a parameter, that no request takes.
"""

from __future__ import annotations

import time
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

FURTHER_ROUTES = [path for number in range(5) for path in (f"/further-{number}", f"/further-{number}/{{part}}")]


def greeting() -> Response:
    """A few bytes of HTML, and when they were made."""
    return HTMLResponse("<b>hello</b>", headers={"x-time": str(time.time())})


async def echo(request: Request, user: int, record: int) -> Response:
    """The parameters, the query and the body as JSON, for a request that is authorised."""
    if "authorization" not in request.headers:
        return Response("not authorised", status_code=401)
    parts: dict[str, Any] = {"params": {"user": user, "record": record}, "query": dict(request.query_params)}
    return JSONResponse({**parts, "data": await request.json()})


async def starlette_greeting(_: Request) -> Response:
    """``/html`` on Starlette."""
    return greeting()


async def starlette_echo(request: Request) -> Response:
    """``/api/…`` on Starlette, which converts the parameters."""
    return await echo(request, request.path_params["user"], request.path_params["record"])


async def fastapi_greeting() -> Response:
    """``/html`` on FastAPI."""
    return greeting()


async def fastapi_echo(request: Request, user: int, record: int) -> Response:
    """``/api/…`` on FastAPI, which validates the parameters."""
    return await echo(request, user, record)


starlette_app = Starlette(
    routes=[
        *(Route(path, starlette_greeting) for path in FURTHER_ROUTES),
        Route("/html", starlette_greeting),
        Route("/api/users/{user:int}/records/{record:int}", starlette_echo, methods=["PUT"]),
    ]
)

fastapi_app = FastAPI()
for _path in FURTHER_ROUTES:
    fastapi_app.get(_path)(fastapi_greeting)
fastapi_app.get("/html")(fastapi_greeting)
fastapi_app.put("/api/users/{user}/records/{record}")(fastapi_echo)
