"""Load: the scenarios' user class, and the Locust process that drives it.

Importing Locust patches the process it is imported in, so the names below import it only when they are asked for: in a
Locust file, which runs in a process of its own.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bakeoff.load.response import Response
    from bakeoff.load.user import BakeoffUser, task

__all__ = ["BakeoffUser", "Response", "task"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        import locust  # noqa: F401  (patches first, before anything under it is imported)

        from bakeoff.load import response, user

        return getattr(response if name == "Response" else user, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
