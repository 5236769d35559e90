"""Customers of the bakery: each asks for a cake, or, twice as often, for frosting alone.

Runs in ``bakeoff run``, and under plain Locust too: ``locust -f scenarios/bakery.py --host http://127.0.0.1:8000``.
"""

from __future__ import annotations

from bakeoff.load import BakeoffUser, Response, task

STEPS = {"/cake": 11, "/frosting": 5}


class Customer(BakeoffUser):
    """Asks, and counts the steps of what it is given."""

    @task
    def cake(self) -> None:
        """Ask for a cake."""
        self.client.get("/cake")

    @task(2)
    def frosting(self) -> None:
        """Ask for the frosting."""
        self.client.get("/frosting")

    def check(self, response: Response) -> bool | str | None:
        """A right answer tells of all its steps."""
        if response.status_code != 200:
            return f"status {response.status_code}"
        steps = len(response.json()["steps"])
        return steps == STEPS[response.url] or f"{response.url} with {steps} steps"
