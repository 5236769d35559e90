"""Endpoints of URL maps, OpenAPI documents and recordings, and which of them are requested by default."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.discover.answers import Answered, judged
from bakeoff.discover.endpoints import Endpoint, Request, classified, from_routes, merged, with_start_page
from bakeoff.discover.har import from_har
from bakeoff.discover.imported import Route
from bakeoff.discover.openapi import from_openapi, parse_document
from bakeoff.model import UserError


def requested(endpoints: tuple[Endpoint, ...]) -> list[str]:
    """The paths that are requested by default."""
    return [known.path for known in endpoints if known.aside is None]


@pytest.mark.parametrize("path", ["/<int:id>", "/{id}", "/items/:id", "/files/*", "/logout", "/cart/delete/", "/reset"])
def test_a_path_with_parameters_or_a_dangerous_name_is_set_aside(path: str) -> None:
    assert classified("GET", path).aside


@pytest.mark.parametrize("path", ["/", "/items", "/presets", "/a-b_c/d.json", "/catalogue"])
def test_a_plain_path_is_requested(path: str) -> None:
    assert classified("GET", path).aside is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_only_get_is_requested_by_default(method: str) -> None:
    assert classified(method, "/items").aside


def test_a_url_map_gives_the_apps_own_endpoints() -> None:
    routes = [
        Route(path="/", methods=("GET", "HEAD", "OPTIONS")),
        Route(path="/items", methods=("GET", "POST")),
        Route(path="/pages/x", methods=("GET",), variable=True),
        Route(path="/static/<path:filename>", methods=("GET",), owner="static files"),
        Route(path="/docs", methods=("GET",), owner="fastapi.applications"),
        Route(path="/admin/", methods=("GET",), owner="django.contrib.admin.sites"),
        Route(path="/admin/login/", methods=("GET",), owner="django.contrib.admin.sites"),
        Route(path="/any", methods=("ANY",)),
    ]
    found = from_routes(routes)
    assert requested(found) == ["/", "/items", "/admin/login/", "/any"]
    assert ("POST", "/items") in {(known.method, known.path) for known in found}
    assert not any(known.path.startswith(("/static", "/docs")) for known in found)


def test_a_start_page_is_guessed_where_none_is_known() -> None:
    assert with_start_page([classified("GET", "/items")])[0].guessed
    assert not any(known.guessed for known in with_start_page([classified("GET", "/")]))


DOCUMENT = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://shop.example/v1/"}],
    "paths": {
        "/items": {
            "get": {"parameters": [{"name": "q", "in": "query", "required": True, "schema": {"enum": ["a b", "c"]}}]},
            "post": {
                "requestBody": {"content": {"application/json": {"example": {"name": "cake"}}}},
                "responses": {"201": {}},
            },
        },
        "/items/{id}": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "get": {},
            "delete": {"responses": {"204": {}}},
        },
        "/users/{name}": {"get": {"parameters": [{"name": "name", "in": "path", "required": True}]}},
        "/search": {"get": {"parameters": [{"name": "q", "in": "query", "required": True}]}},
        "/optional": {"get": {"parameters": [{"name": "page", "in": "query"}]}},
    },
    "components": {"parameters": {"Id": {"name": "id", "in": "path", "required": True, "example": 7}}},
}


def test_a_document_fills_in_parameters_from_its_examples() -> None:
    assert requested(from_openapi(DOCUMENT)) == ["/v1/items?q=a+b", "/v1/items/7", "/v1/optional"]


def test_a_document_says_which_parameters_are_missing() -> None:
    asides = {known.path: known.aside for known in from_openapi(DOCUMENT) if known.method == "GET" and known.aside}
    assert asides == {"/v1/users/{name}": "fill in name", "/v1/search?q=...": "fill in q"}


def test_a_document_gives_bodies_and_statuses_of_what_is_not_requested() -> None:
    (post,) = (known for known in from_openapi(DOCUMENT) if known.method == "POST")
    assert (post.json, post.status, post.aside is None) == ({"name": "cake"}, 201, False)


def test_a_document_of_version_2_has_a_base_path() -> None:
    assert requested(from_openapi({"swagger": "2.0", "basePath": "/api", "paths": {"/x": {"get": {}}}})) == ["/api/x"]


def test_what_is_documented_replaces_the_same_entry_of_the_url_map() -> None:
    documented = from_openapi({"paths": DOCUMENT["paths"], "components": DOCUMENT["components"]})
    mapped = from_routes([Route(path="/items/{id:int}", methods=("GET",)), Route(path="/health", methods=("GET",))])
    paths = [known.path for known in merged(documented, mapped)]
    assert "/items/7" in paths
    assert "/health" in paths
    assert "/items/{id:int}" not in paths


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "not valid"), ("a: [", "not valid"), ("[]", "has no paths"), ("openapi: 3.1.0", "has no paths")],
)
def test_what_is_no_document_is_the_users_mistake(text: str, problem: str) -> None:
    with pytest.raises(UserError, match=rf"api\.yaml: .*{problem}"):
        parse_document(text, "api.yaml")


def test_a_document_may_be_yaml() -> None:
    assert requested(from_openapi(parse_document("paths:\n  /x:\n    get: {}\n", "api.yaml"))) == ["/x"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["get", "post", "parameters", "in", "name", "required", "$ref", "schema"]) | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["/a", "/a/{b}"]), JSON), JSON)
def test_no_document_is_too_strange(paths: object, servers: object) -> None:
    for known in from_openapi({"paths": paths, "servers": servers}):
        assert known.method == known.method.upper()


def entry(
    url: str, method: str = "GET", status: int = 200, mime: str = "application/json", **request: object
) -> object:
    """A request of a recording."""
    return {
        "request": {"url": url, "method": method, "headers": [], **request},
        "response": {"status": status, "content": {"mimeType": mime}},
    }


def recording(*entries: object) -> str:
    """A HAR file."""
    return json.dumps({"log": {"version": "1.2", "entries": entries}})


def test_a_recording_gives_each_request_with_its_weight() -> None:
    text = recording(
        entry("http://localhost:8000/", mime="text/html; charset=utf-8"),
        entry("http://localhost:8000/api/items?page=2"),
        entry("http://localhost:8000/api/items?page=2"),
        entry("http://localhost:8000/cart", "POST", 302, postData={"text": "item=7"}),
        entry("http://localhost:8000/missing", status=404),
        entry("https://cdn.example/a.js"),
        entry("https://cdn.example/b.js"),
    )
    found, notes = from_har(text, "shop.har")
    weights = [(known.path, known.weight) for known in found if known.aside is None]
    assert weights == [("/", 1), ("/api/items?page=2", 2)]
    assert [(known.method, known.data) for known in found if known.method != "GET"] == [("POST", "item=7")]
    assert notes == ("shop.har: 2 requests to hosts other than http://localhost:8000 were left out",)


def test_credentials_of_a_recording_are_left_out_and_that_is_said() -> None:
    headers = [{"name": "Cookie", "value": "session=secret"}, {"name": "Accept", "value": "text/html"}]
    found, notes = from_har(recording(entry("http://a/", headers=headers)), "a.har")
    assert found[0].headers == {"Accept": "text/html"}
    assert "cookie" in notes[0]
    assert "secret" not in str(notes)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"log": {"entries": [1, {"request": {"url": "data:,"}}]}}'])
def test_what_is_no_recording_is_the_users_mistake(text: str) -> None:
    with pytest.raises(UserError, match=r"a\.har: "):
        from_har(text, "a.har")


def answered(status: int, **details: str) -> str | None:
    """What keeps an endpoint with such an answer from being measured."""
    return Answered(status=status, **details).obstacle  # type: ignore[arg-type]


def test_what_an_answer_says_about_an_obstacle_names_what_to_do() -> None:
    """As a colleague would say it."""
    assert answered(200) is None
    assert answered(204) is None
    assert "redirects to /accounts/login/?next=/: the app wants a login" in str(
        answered(302, location="/accounts/login/?next=/")
    )
    assert "insists on HTTPS" in str(answered(301, location="https://127.0.0.1:8000/"))
    assert str(answered(302, location="/authors/")).startswith("answered 302: it redirects to /authors/; request")
    assert "which is no URL" in str(answered(302, location="http://[no"))
    assert "Authorization" in str(answered(401))
    assert "ALLOWED_HOSTS" in str(answered(400, beginning="DisallowedHost at /"))
    assert "trusts" in str(answered(400, beginning="Invalid host header"))
    assert "does not take GET" in str(answered(405))
    assert answered(500) == "answered 500: its log says why"
    assert answered(418) == "answered 418"


def test_endpoints_that_answer_are_kept_and_wrong_guesses_are_forgotten() -> None:
    endpoints = [
        Endpoint(method="GET", path="/", guessed=True),
        classified("GET", "/made"),
        classified("GET", "/private"),
        classified("GET", "/late"),
        classified("POST", "/items"),
    ]
    answers: dict[Request, Answered] = {
        ("GET", "/", None): Answered(status=404),
        ("GET", "/made", None): Answered(status=201, content_type="text/plain", size_bytes=5),
        ("GET", "/private", None): Answered(status=401),
    }
    kept = {known.path: known for known in judged(endpoints, answers)}
    assert list(kept) == ["/made", "/private", "/late", "/items"]
    assert (kept["/made"].status, kept["/made"].answer) == (201, "201, text/plain, 5 bytes")
    assert "login" in str(kept["/private"].aside)
    assert "no time" in str(kept["/late"].aside)


def test_a_start_page_that_redirects_within_the_app_is_followed_but_not_to_a_login() -> None:
    assert Answered(status=307, location="/docs/").local_target == "/docs/"
    assert Answered(status=302, location="/login?next=/").local_target is None
    assert Answered(status=302, location="https://elsewhere.example/x").local_target is None
