"""The scenario for oracles: requests one path and checks each answer."""

from __future__ import annotations

from bakeoff.load import BakeoffUser, Response, task


class OracleUser(BakeoffUser):
    """Sends requests without a pause."""

    @task
    def get(self) -> None:
        """Send one request."""
        self.client.get("/")

    def check(self, response: Response) -> bool | str | None:
        """Status and content must both be right."""
        if response.status_code != 200:
            return f"status {response.status_code}"
        return response.json()["ok"] is True or "the body is wrong"
