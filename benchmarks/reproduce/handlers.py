"""The same small answer on FastAPI from ``async def``, in the event loop, and from ``def``, in its thread pool."""

from __future__ import annotations

from fastapi import FastAPI

in_event_loop, in_thread_pool = FastAPI(), FastAPI()


@in_event_loop.get("/")
async def hello_async() -> dict[str, str]:
    """Answer in the event loop."""
    return {"message": "hello"}


@in_thread_pool.get("/")
def hello() -> dict[str, str]:
    """Answer in the thread pool."""
    return {"message": "hello"}
