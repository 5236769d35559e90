"""A Bakeoff scenario under plain ``locust -f``: Locust's own statistics show the true totals.

Locust's JSON is read, because its CSV files are written once a second, and not once more at the end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.calibration.oracle import Behaviour, start_oracle

pytestmark = pytest.mark.e2e

LOCUSTFILE = """
from bakeoff.load import BakeoffUser, task

class Shopper(BakeoffUser):
    @task
    def ask(self):
        self.client.get("/cake?size=2")

    def check(self, response):
        return response.json()["ok"] is True or "no cake"
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_locusts_statistics_hold_every_request(tmp_path: Path, processes: int) -> None:
    """As many requests and failures as the oracle counts, from one process or from two of Locust's."""
    (tmp_path / "shop.py").write_text(LOCUSTFILE, "utf-8")
    with start_oracle(Behaviour(wrong_every=2)) as oracle:
        command = [
            "-m",
            "locust",
            "-f",
            "shop.py",
            "--headless",
            "-u",
            "4",
            "-r",
            "4",
            "-t",
            "3s",
            "--json-file",
            "out",
        ]
        several = ["--processes", str(processes)] if processes > 1 else []
        subprocess.run(
            [sys.executable, *command, *several, "--stop-timeout", "2", "--host", oracle.url],
            cwd=tmp_path,
            capture_output=True,
            timeout=60,
            check=False,  # Locust exits with 1 when requests failed.
        )
        served = oracle.outcomes()
    (row,) = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert (row["method"], row["name"]) == ("GET", "/cake")
    assert row["num_requests"] == served["right"] + served["wrong_body"] > 0
    assert row["num_failures"] == served["wrong_body"] > 0
