"""The scenario for oracles with Locust's FastHttpUser, with which Bakeoff's client is compared."""

from __future__ import annotations

from locust import FastHttpUser, task


class OracleUser(FastHttpUser):
    """Sends requests without a pause, and checks each answer."""

    @task
    def get(self) -> None:
        """Send one request."""
        with self.client.get("/", catch_response=True) as response:
            if response.status_code != 200 or response.json()["ok"] is not True:
                response.failure("the body is wrong")
