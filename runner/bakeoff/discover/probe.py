"""Imports an app and prints, as JSON, what it is: the fields of `bakeoff.discover.imported.ImportedApp`.

Its text is passed to ``python -c``, in environments without Bakeoff, so it imports nothing but the standard library at
its top. Modules of a framework are imported only when the app is of that framework.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import inspect
import json
import os
import sys
import traceback
from importlib import metadata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

FRAMEWORKS = {
    "quart.": ("Quart", "asgi"),
    "flask.app.": ("Flask", "wsgi"),
    "fastapi.applications.": ("FastAPI", "asgi"),
    "starlette.applications.": ("Starlette", "asgi"),
    "litestar.": ("Litestar", "asgi"),
    "falcon.asgi.": ("Falcon", "asgi"),
    "falcon.": ("Falcon", "wsgi"),
    "bottle.": ("Bottle", "wsgi"),
    "pyramid.": ("Pyramid", "wsgi"),
    "django.core.handlers.wsgi.": ("Django", "wsgi"),
    "django.core.handlers.asgi.": ("Django", "asgi"),
    "channels.": ("Django", "asgi"),
}
"""Name and interface by how the module of an app's class begins; the nearest of its bases counts."""
INNER = ("app", "application", "_app", "wsgi_app", "asgi_app", "other_asgi_app")
"""Attributes in which middleware keeps the app that it is around."""
MOST_LAYERS = 8
VERBS = ("get", "post", "put", "patch", "delete")


def main() -> None:
    """Print one line."""
    request = json.loads(sys.argv[1])
    output = os.dup(1)
    os.dup2(2, 1)  # What the app prints while it is imported is no answer.
    faulthandler.dump_traceback_later(request["within_s"], exit=True)
    sys.path[:0] = [os.path.abspath(path) for path in request["path"]]  # noqa: PTH100 - as the interpreter does
    result: dict[str, Any] = {"versions": versions(request["packages"])}
    try:
        result.update(examined(request["module"], request["attribute"], request["factory"]))
    except BaseException as error:  # An app may also end its process: SystemExit is an answer.
        result["error"] = described(error)
    os.write(output, b"\n" + json.dumps(result, default=str).encode() + b"\n")
    os._exit(0)  # Threads that the app has started do not hold the process.


def examined(module: str, attribute: str, factory: bool) -> dict[str, Any]:
    """What an app is, its URL map, and its OpenAPI document. Raises whatever its code raises."""
    value: Any = importlib.import_module(module)
    for name in attribute.split("."):
        value = getattr(value, name)
    app = value() if factory else value
    inner = unwrapped(app)
    framework, interface = framework_of(inner)
    interface = framework_of(app)[1] or interface_of(app) or interface
    if interface is None:
        hint = "" if factory or not inspect.isroutine(app) else f"; a factory is written {module}:{attribute}()"
        raise TypeError(f"{module}:{attribute} is of type {type(app).__name__}, not a WSGI or ASGI app{hint}")
    result: dict[str, Any] = {"framework": framework, "interface": interface}
    try:
        result["routes"] = list(ROUTES[framework](inner)) if framework else []
        if framework in OPENAPI:
            result["openapi"] = json.loads(json.dumps(OPENAPI[framework](inner), default=str))
    except Exception as error:
        result["problem"] = f"{type(error).__name__}: {error}"
    return result


def framework_of(app: Any) -> tuple[str, str | None]:
    """The name of an app's framework and its interface."""
    for base in type(app).__mro__:
        for prefix, known in FRAMEWORKS.items():
            if f"{base.__module__}.".startswith(prefix):
                return known
    return "", None


def unwrapped(app: Any) -> Any:
    """The app of a known framework inside middleware, or what was given."""
    inner = app
    for _ in range(MOST_LAYERS):
        if framework_of(inner)[0]:
            return inner
        attributes = [getattr(inner, name, None) for name in INNER]
        inner = next((value for value in attributes if callable(value)), None)
    return app


def interface_of(app: Any) -> str | None:
    """The interface of a callable, by its parameters."""
    if isinstance(app, type) or not callable(app):
        return None
    call = app if inspect.isroutine(app) else type(app).__call__
    if inspect.iscoroutinefunction(call):
        return "asgi"
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [entry for entry in parameters if entry.kind in positional and entry.default is entry.empty]
    return {2: "wsgi", 3: "asgi"}.get(len(required))


def described(error: BaseException) -> dict[str, Any]:
    """An exception, with the last line of the project's own code."""
    here = os.getcwd() + os.sep  # noqa: PTH109
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if is_own(frame.filename, here)]
    file, line = (own[-1].filename.removeprefix(here), own[-1].lineno) if own else (None, None)
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename.removeprefix(here), error.lineno
    return {
        "type": type(error).__name__,
        "message": error.msg if isinstance(error, SyntaxError) else str(error),
        "file": file,
        "line": line,
        "missing": error.name if isinstance(error, ModuleNotFoundError) else None,
    }


def is_own(filename: str, here: str) -> bool:
    """Whether a file is the project's own, and not installed in an environment within it."""
    return filename.startswith(here) and "site-packages" not in filename and "/lib/python" not in filename


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The versions of the packages that are installed."""
    installed = {}
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            installed[package] = metadata.version(package)
    return installed


def route(path: str, methods: Iterable[str], owner: str | None = "", variable: bool = False) -> dict[str, Any]:
    """The fields of `bakeoff.discover.imported.Route`."""
    return {"path": path, "methods": sorted(methods), "owner": owner or "", "variable": variable}


def flask_routes(app: Any) -> Iterator[dict[str, Any]]:
    """The URL map of Flask and Quart."""
    for rule in app.url_map.iter_rules():
        if not getattr(rule, "websocket", False):
            view = app.view_functions.get(rule.endpoint)
            is_static = rule.endpoint.rpartition(".")[2] == "static"
            owner = "static files" if is_static else getattr(view, "__module__", "")
            yield route(rule.rule, rule.methods or (), owner, bool(rule.arguments - set(rule.defaults or ())))


def starlette_routes(app: Any, prefix: str = "") -> Iterator[dict[str, Any]]:
    """The routes of Starlette and FastAPI, those of mounted apps too."""
    for entry in app.routes:
        path = prefix + getattr(entry, "path", "")
        if getattr(entry, "routes", None):
            yield from starlette_routes(entry, path)
        elif hasattr(entry, "endpoint") and "WebSocket" not in type(entry).__name__:
            endpoint = entry.endpoint
            methods = getattr(entry, "methods", None) or [verb.upper() for verb in VERBS if hasattr(endpoint, verb)]
            yield route(path, methods or ["GET"], getattr(endpoint, "__module__", ""))


def litestar_routes(app: Any) -> Iterator[dict[str, Any]]:
    """The routes of Litestar."""
    for entry in app.routes:
        if getattr(entry, "methods", None):
            yield route(entry.path, entry.methods, "litestar." if entry.path.startswith("/schema") else "")


def litestar_openapi(app: Any) -> Any:
    """The OpenAPI document of Litestar, unless it is turned off."""
    return app.openapi_schema.to_schema() if app.openapi_config else None


def falcon_routes(app: Any) -> Iterator[dict[str, Any]]:
    """The routes of Falcon."""
    for entry in importlib.import_module("falcon.inspect").inspect_routes(app):
        yield route(entry.path, [method.method for method in entry.methods if not method.internal])


def bottle_routes(app: Any) -> Iterator[dict[str, Any]]:
    """The routes of Bottle."""
    for entry in app.routes:
        yield route(entry.rule, [entry.method])


def pyramid_routes(app: Any) -> Iterator[dict[str, Any]]:
    """The routes of Pyramid, as its introspection tells them."""
    introspector = app.registry.introspector
    methods: dict[str, set[str]] = {}
    for item in introspector.get_category("views") or ():
        view = item["introspectable"]
        asked = view.get("request_methods") or ("GET",)
        methods.setdefault(view.get("route_name"), set()).update([asked] if isinstance(asked, str) else asked)
    for item in introspector.get_category("routes") or ():
        entry = item["introspectable"]
        if not entry["name"].startswith("__"):  # Static views.
            pattern = "/" + entry["pattern"].lstrip("/")
            yield route(pattern, methods.get(entry["name"], {"GET"}), "", "*" in pattern)


def django_routes(_: Any) -> Iterator[dict[str, Any]]:
    """The URL configuration of Django."""
    yield from django_patterns(importlib.import_module("django.urls").get_resolver().url_patterns, "/")


def django_patterns(patterns: Iterable[Any], prefix: str) -> Iterator[dict[str, Any]]:
    """The routes of some URL patterns, included ones too."""
    for entry in patterns:
        text = str(entry.pattern)
        part, variable = (text, False) if hasattr(entry.pattern, "_route") else plain_of(text)
        path = prefix + (part.lstrip("/") if prefix.endswith("/") else part)
        if hasattr(entry, "url_patterns"):
            for inner in django_patterns(entry.url_patterns, path):
                yield {**inner, "variable": inner["variable"] or variable}
        else:
            view = entry.callback
            view_class = getattr(view, "view_class", None) or getattr(view, "cls", None)
            if getattr(view_class, "__name__", "") == "RedirectView":
                continue
            methods: Iterable[str] = ["GET"]
            if getattr(view, "actions", None):
                methods = [verb.upper() for verb in view.actions]
            elif view_class is not None:
                methods = [verb.upper() for verb in VERBS if hasattr(view_class, verb)]
            yield route(path, methods, getattr(view_class or view, "__module__", ""), variable)


def plain_of(regex: str) -> tuple[str, bool]:
    """A regular expression as the only path that it matches, and whether it matches others."""
    for end in ("$", "\\Z", "/?"):
        regex = regex.removesuffix(end)
    text = regex.removeprefix("^").replace("\\.", ".").replace("\\-", "-").replace("\\/", "/")
    return text, any(letter in text for letter in "()[]{}*+?|\\^$")


ROUTES: dict[str, Callable[[Any], Iterator[dict[str, Any]]]] = {
    "Flask": flask_routes,
    "Quart": flask_routes,
    "FastAPI": starlette_routes,
    "Starlette": starlette_routes,
    "Litestar": litestar_routes,
    "Falcon": falcon_routes,
    "Bottle": bottle_routes,
    "Pyramid": pyramid_routes,
    "Django": django_routes,
}
OPENAPI: dict[str, Callable[[Any], Any]] = {"FastAPI": lambda app: app.openapi(), "Litestar": litestar_openapi}

if __name__ == "__main__":
    main()
