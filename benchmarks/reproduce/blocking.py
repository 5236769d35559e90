"""Flask, and a second of waiting."""

from __future__ import annotations

import time

from flask import Flask

WAIT_S = 1.0
app = Flask(__name__)


@app.get("/")
def home() -> str:
    """Answer at once."""
    return "ready"


@app.get("/wait")
def wait() -> str:
    """Answer after a second."""
    time.sleep(WAIT_S)
    return "done"
