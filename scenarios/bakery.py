"""Customers of the bakery: each orders a cake, or, twice as often, only frosting.

Runs in ``bakeoff run``, and also under plain Locust: ``locust -f scenarios/bakery.py --host http://127.0.0.1:8000``.
"""

from __future__ import annotations

from bakeoff.load import BakeoffUser, Response, task

STEPS = {"/cake": 11, "/frosting": 5}


class Customer(BakeoffUser):
    """Orders, and checks the number of steps in the answer."""

    @task
    def cake(self) -> None:
        """Order a cake."""
        self.client.get("/cake")

    @task(2)
    def frosting(self) -> None:
        """Order frosting."""
        self.client.get("/frosting")

    def check(self, response: Response) -> bool | str | None:
        """A right answer lists all steps."""
        if response.status_code != 200:
            return f"status {response.status_code}"
        steps = len(response.json()["steps"])
        return steps == STEPS[response.url] or f"{response.url} with {steps} steps"
