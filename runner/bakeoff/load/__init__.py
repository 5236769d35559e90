"""Load: the user class of scenarios, and the handle on the Locust processes that drive them.

Importing Locust patches the process it is imported in. So the names that need it are imported when they are first
used, which is in a Locust file, in a process of its own.
"""

from typing import TYPE_CHECKING, Any

from bakeoff.load.channels import GeneratorError
from bakeoff.load.generator import FixedLength, GeneratorLost, LoadGenerator, LocalGenerators, Watcher
from bakeoff.load.messages import NOT_SENT, Drive, Driven, Second

if TYPE_CHECKING:
    from bakeoff.load.response import Response
    from bakeoff.load.user import BakeoffUser, task

__all__ = [
    "NOT_SENT",
    "BakeoffUser",
    "Drive",
    "Driven",
    "FixedLength",
    "GeneratorError",
    "GeneratorLost",
    "LoadGenerator",
    "LocalGenerators",
    "Response",
    "Second",
    "Watcher",
    "task",
]


def __getattr__(name: str) -> Any:
    if name in ("BakeoffUser", "Response", "task"):
        import locust  # noqa: F401  (patches first, before anything under it is imported)

        from bakeoff.load import response, user

        return getattr(response if name == "Response" else user, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
