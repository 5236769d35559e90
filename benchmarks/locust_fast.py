"""The questions of Bakeoff's own examiner, asked by Locust's FastHttpUser: what Bakeoff's client is compared with."""

from __future__ import annotations

from locust import FastHttpUser, task


class OracleUser(FastHttpUser):
    """Asks again and again, and looks at what is answered."""

    @task
    def ask(self) -> None:
        """One question, its answer checked."""
        with self.client.get("/", catch_response=True) as response:
            if response.status_code != 200 or response.json()["ok"] is not True:
                response.failure("the body is wrong")
