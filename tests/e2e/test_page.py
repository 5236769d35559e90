"""A real run's report, opened in a real browser."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.browser import browsing, chromium
from tests.e2e.test_run import assert_measured

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

EXPERIMENT = """
[experiment]
name = "page"
loads = [{ users = 8 }]
slice_s = 0.3
warmup_s = 0.1
volatile = ["start_s", "end_s", "worker_pid"]
timeline = ["/cake", "/frosting"]

[scenarios.bakery]
requests = [{ get = "/frosting?wait_ms=1" }]

[stacks.flask]
interface = "wsgi"
app = "apps.flask_app:app"
server = "gunicorn"

[stacks.fastapi]
interface = "asgi"
app = "apps.fastapi_app:app"
server = "uvicorn"
"""


def test_the_report_of_a_real_run_opens_without_a_complaint(tmp_path: Path) -> None:
    """Its timeline has the real steps, and what the servers had loaded is told."""
    program = chromium()
    if program is None:
        pytest.skip("no Chromium on PATH; install it (apt install chromium) to test the page as seen")
    (tmp_path / "apps").symlink_to(Path(__file__).parents[2] / "apps")
    (tmp_path / "bakeoff.toml").write_text(EXPERIMENT, "utf-8")
    command = [sys.executable, "-m", "bakeoff", "run", "--profile", "smoke"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert_measured(done.returncode, done.stderr)
    (page,) = tmp_path.glob("results/*/report.html")
    (record,) = page.parent.glob("blocks/*/record.json")
    assert "httptools" in json.loads(record.read_text("utf-8"))["extensions"]["fastapi"]
    with browsing(program, tmp_path / "profile") as browser, browser.tab() as tab:
        tab.open(page)
        tab.resize(1280, tab.ask("document.documentElement.scrollHeight"))
        tab.wait_for("[...document.querySelectorAll('.plot')].every((each) => each.dataset.drawn)")
        assert tab.complaints == []
        assert tab.ask("document.querySelectorAll('.segment').length") == 2 * 16
        assert "httptools" in tab.ask("document.querySelector('#fairness').parentElement.textContent")
        files = tab.ask("[...document.querySelectorAll('.files a')].map((each) => decodeURIComponent(each.pathname))")
    assert [name for name in files if not Path(name).exists()] == []
