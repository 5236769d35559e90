"""Endpoints from an OpenAPI document (versions 2 and 3). Pure.

https://spec.openapis.org/oas/v3.1.1.html and https://spec.openapis.org/oas/v2.0.html. Parameters are filled in where
the document has an example, a default or a list of values for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import yaml

from bakeoff.discover.endpoints import METHODS, Endpoint, classified
from bakeoff.model import UserError

_MAX_REFERENCES = 20


def parse_document(text: str, place: str) -> dict[str, Any]:
    """A document in JSON or YAML. Raises `UserError`, with ``place``, when it is no OpenAPI document."""
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        first_line = str(error).partition("\n")[0]
        raise UserError(f"{place}: not valid JSON or YAML: {first_line}") from None
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise UserError(f"{place}: not an OpenAPI document, because it has no paths; name another with --openapi")
    return document


def from_openapi(document: Mapping[str, Any]) -> tuple[Endpoint, ...]:
    """The endpoints of a document, in its order."""
    base = _base_path(document)
    return tuple(
        endpoint
        for path, item in _table(document.get("paths")).items()
        for endpoint in _of_path(f"{base}{path}", _resolved(item, document), document)
    )


def _of_path(path: str, item: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Endpoint]:
    shared = _list(item.get("parameters"))
    for method in METHODS:
        operation = _table(item.get(method.lower()))
        if not operation and method.lower() not in item:
            continue
        parameters: dict[tuple[str, str], Mapping[str, Any]] = {}
        for raw in [*shared, *_list(operation.get("parameters"))]:  # An operation's own replaces the path's.
            parameter = _resolved(raw, document)
            parameters[str(parameter.get("in")), str(parameter.get("name"))] = parameter
        yield _of_operation(method, path, operation, list(parameters.values()), document)


def _of_operation(
    method: str,
    path: str,
    operation: Mapping[str, Any],
    parameters: list[Mapping[str, Any]],
    document: Mapping[str, Any],
) -> Endpoint:
    template = path
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    missing = []
    for parameter in parameters:
        name, where = str(parameter.get("name")), parameter.get("in")
        if where not in ("path", "query", "header") or not (parameter.get("required") or where == "path"):
            continue
        value = _example(parameter, document)
        if value is None:
            missing.append(name)
            if where == "query":
                query[name] = "..."
        elif where == "path":
            path = path.replace("{" + name + "}", quote(_text(value), safe=""))
        elif where == "query":
            query[name] = _text(value)
        else:
            headers[name] = _text(value)
    if query:
        path += "?" + urlencode(query, safe=".")
    body = _body_example(operation, document)
    aside = f"fill in {', '.join(missing)}" if missing else None
    if operation.get("deprecated"):
        aside = aside or "is deprecated"
    status = _status(operation, method)
    return classified(method, path, aside=aside, headers=headers, json=body, status=status, template=template)


def _status(operation: Mapping[str, Any], method: str) -> int:
    """The only status of success that the document names, else 200."""
    codes = [int(code) for code in map(str, _table(operation.get("responses"))) if code.isdecimal() and code[0] == "2"]
    return codes[0] if codes and method != "GET" else 200


def _body_example(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    content = _table(_resolved(operation.get("requestBody"), document).get("content"))
    media = _table(content.get("application/json"))
    return _example(media, document) if media else None


def _example(holder: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """A value for a parameter or a body, from where a document may hold one; ``None`` if it holds none."""
    schema = _resolved(holder.get("schema"), document)
    examples = holder.get("examples")
    named = [_resolved(example, document).get("value") for example in _table(examples).values()]
    listed = [*_list(examples), *_list(schema.get("examples")), *_list(schema.get("enum"))]
    single = [schema.get("example"), schema.get("default"), holder.get("default")]
    values = [holder.get("example"), *named, *single, *listed]
    return next((value for value in values if value is not None), None)


def _base_path(document: Mapping[str, Any]) -> str:
    """The path that all others begin with."""
    servers = _list(document.get("servers"))
    url = _table(servers[0]).get("url") if servers else document.get("basePath")
    path = urlsplit(url).path if isinstance(url, str) else ""
    return "" if "{" in path else path.rstrip("/")


def _resolved(value: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A table, in place of a reference to it within the document; an empty one for anything else."""
    for _ in range(_MAX_REFERENCES):
        reference = _table(value).get("$ref")
        if not isinstance(reference, str):
            return _table(value)
        if not reference.startswith("#/"):
            return {}
        value = document
        for part in reference[2:].split("/"):
            value = _table(value).get(part.replace("~1", "/").replace("~0", "~"))
    return {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
