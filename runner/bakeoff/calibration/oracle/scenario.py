"""What the generator asks an oracle: one path, and a check of each answer's content."""

from __future__ import annotations

from bakeoff.load import BakeoffUser, Response, task


class Examiner(BakeoffUser):
    """Asks again and again, and looks at what is answered."""

    @task
    def ask(self) -> None:
        """One question."""
        self.client.get("/")

    def check(self, response: Response) -> bool | str | None:
        """Status and content must both be right."""
        if response.status_code != 200:
            return f"status {response.status_code}"
        return response.json()["ok"] is True or "the oracle said no"
