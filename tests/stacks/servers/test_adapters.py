"""The contract of server adapters, checked for every file in the folder; then what is special about some."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from bakeoff.model import Interface, Stack, UserError
from bakeoff.stacks import servers

INTERFACES: tuple[Interface, ...] = ("wsgi", "asgi")
CAN = [(name, interface) for name in servers.names() for interface in servers.adapter(name).INTERFACES]
CANNOT = [pair for pair in product(servers.names(), INTERFACES) if pair not in CAN]


def stack(server: str, interface: Interface, **settings: Any) -> Stack:
    """A stack on a server."""
    return Stack(**{"name": "mine", "interface": interface, "server": server, "app": "shop:app", **settings})


def arguments(stack: Stack, host: str = "127.0.0.1", port: int = 8123) -> list[str]:
    """The command line of a stack, without the interpreter."""
    python, *rest = servers.command_line(stack, host, port, "/venv/bin/python")
    assert python == "/venv/bin/python"
    return rest


def refusal(stack: Stack) -> str:
    """The message with which a stack is refused, which is one line."""
    with pytest.raises(UserError) as caught:
        arguments(stack)
    message = str(caught.value)
    assert "\n" not in message
    return message


each_server = pytest.mark.parametrize(("server", "interface"), CAN)


def test_every_file_of_the_folder_is_a_server_unless_it_starts_with_an_underscore() -> None:
    files = [path.stem for path in Path(servers.__file__).parent.glob("*.py") if not path.name.startswith("_")]

    assert servers.names() == tuple(sorted(files))
    assert {"gunicorn", "uvicorn"} <= set(files)


@pytest.mark.parametrize("server", servers.names())
def test_an_adapter_says_what_it_serves_and_what_to_install(server: str) -> None:
    adapter = servers.adapter(server)

    assert adapter.INTERFACES
    assert set(adapter.INTERFACES) <= set(INTERFACES)
    assert adapter.PACKAGE
    assert all(prefix.isupper() for prefix in adapter.ENVIRONMENT)


def address(arguments: list[str]) -> str:
    """Where a command listens, as its server writes it."""
    values = dict(argument[2:].partition("=")[::2] for argument in arguments if argument.startswith("--"))
    if "host" in values:
        return f"{values['host']}:{values['port']}"
    endpoint = values.get("endpoint", "")
    return values.get("bind") or values.get("http") or endpoint.partition(":")[2].rpartition(":backlog=")[0]


@each_server
def test_a_command_ends_with_the_app_after_an_option_for_the_address(server: str, interface: Interface) -> None:
    *options, app = arguments(stack(server, interface))

    assert app.removeprefix("--module=") == "shop:app"
    assert address(options) in ("127.0.0.1:8123", "port=8123:interface=127.0.0.1")


@each_server
def test_a_command_works_with_ipv6(server: str, interface: Interface) -> None:
    options = arguments(stack(server, interface), host="::1")

    assert address(options) in ("[::1]:8123", "::1:8123", r"port=8123:interface=\:\:1")


@each_server
def test_no_option_is_given_twice(server: str, interface: Interface) -> None:
    """The stack's own replaces a default."""
    name = {"uwsgi": "listen", "cheroot": "request-queue-size", "daphne": "verbosity"}.get(server, "backlog")
    options = arguments(stack(server, interface, options={name: 7}))
    names = [re.sub("^--(no-)?|=.*", "", option) for option in options if option.startswith("--")]

    assert len(set(names)) == len(names)
    assert f"--{name}=7" in options


@each_server
def test_options_keep_their_order_and_are_one_argument_each(server: str, interface: Interface) -> None:
    """A value may start with a dash; true is a bare flag; false is left out where there is no negative form."""
    options = {"zeta": "-x", "alpha": 1.5, "flag": True, "off": False}

    *_, zeta, alpha, flag, app = arguments(stack(server, interface, options=options))
    assert [zeta, alpha, flag] == ["--zeta=-x", "--alpha=1.5", "--flag"]
    assert app.removeprefix("--module=") == "shop:app"


@pytest.mark.parametrize(("server", "interface"), CANNOT)
def test_an_interface_that_a_server_does_not_serve_is_refused(server: str, interface: Interface) -> None:
    served = " and ".join(servers.adapter(server).INTERFACES)

    message = f'stack "mine": {server} serves {served} apps, not {interface}; choose another server'
    assert refusal(stack(server, interface)) == message


@each_server
def test_a_stack_with_a_server_but_no_app_is_refused(server: str, interface: Interface) -> None:
    assert 'set app = "module:attribute"' in refusal(stack(server, interface, app=None))


@each_server
def test_the_address_cannot_be_set_by_an_option(server: str, interface: Interface) -> None:
    """Bakeoff has to know where the server listens."""
    written = " ".join(arguments(stack(server, interface)))
    name = next(name for name in ("bind", "endpoint", "http", "port") if f"--{name}=" in written)

    message = refusal(stack(server, interface, options={name: "9"}))
    assert message.startswith(f'stack "mine": option "{name}" of {server} is set by Bakeoff')


@each_server
def test_threads_are_used_or_refused(server: str, interface: Interface) -> None:
    """Otherwise the report would show slots that do not exist."""
    with_threads = stack(server, interface, threads=4)

    if server == "fastpysgi" or interface == "asgi":
        problem = f"{server} has no threads for {interface} apps; remove threads = 4"
        assert refusal(with_threads) == f'stack "mine": {problem}'
    else:
        assert re.search(r"--(blocking-)?threads=4", " ".join(arguments(with_threads)))


@each_server
def test_workers_are_used_or_refused(server: str, interface: Interface) -> None:
    with_workers = stack(server, interface, workers=3)

    if server in ("cheroot", "daphne", "waitress"):
        remedy = "set workers = 1" + (" and use threads" if interface == "wsgi" else "")
        assert refusal(with_workers) == f'stack "mine": {server} runs one process; {remedy}'
    else:
        assert "--workers=3" in arguments(with_workers)


def test_an_unknown_server_is_refused_with_a_list_of_the_known_ones() -> None:
    with pytest.raises(servers.UnknownServerError) as caught:
        servers.adapter("nginx")

    assert str(caught.value) == f'unknown server "nginx"; known servers: {", ".join(servers.names())}'


@pytest.mark.parametrize(("typed", "meant"), [("uvcorn", "uvicorn"), ("gnicorn", "gunicorn"), ("Granian", "granian")])
def test_the_closest_name_is_suggested_for_a_misspelt_server(typed: str, meant: str) -> None:
    with pytest.raises(LookupError, match=f'unknown server "{typed}"; did you mean "{meant}"\\? known servers: '):
        servers.adapter(typed)


@pytest.mark.parametrize("name", ["_common", "", "..gunicorn", "__init__"])
def test_only_adapters_are_imported_whatever_the_name(name: str) -> None:
    with pytest.raises(UserError, match="unknown server"):
        servers.adapter(name)


@pytest.mark.parametrize(
    ("interface", "threads", "worker_class"), [("wsgi", 1, "sync"), ("wsgi", 2, "gthread"), ("asgi", 1, "asgi")]
)
def test_gunicorn_uses_the_worker_class_that_fits(interface: Interface, threads: int, worker_class: str) -> None:
    assert f"--worker-class={worker_class}" in arguments(stack("gunicorn", interface, threads=threads))


@pytest.mark.parametrize(("interface", "worker_class"), [("asgi", "sync"), ("asgi", "gthread"), ("wsgi", "asgi")])
def test_a_worker_class_that_would_fail_every_request_is_refused(interface: Interface, worker_class: str) -> None:
    """Gunicorn itself starts with it."""
    message = refusal(stack("gunicorn", interface, options={"worker-class": worker_class}))

    assert message.startswith(f'stack "mine": gunicorn\'s worker class "{worker_class}" cannot serve {interface} apps')


def test_threads_that_a_worker_class_would_not_use_are_refused() -> None:
    message = refusal(stack("gunicorn", "wsgi", threads=4, options={"worker-class": "gevent"}))

    assert message == 'stack "mine": gunicorn\'s worker class "gevent" has no threads; remove threads = 4'


def test_uwsgi_cannot_become_a_daemon() -> None:
    """It could not be stopped."""
    message = refusal(stack("uwsgi", "wsgi", options={"daemonize": "/tmp/log"}))

    assert 'option "daemonize" of uwsgi is set by Bakeoff' in message


@pytest.mark.parametrize("name", ["bind", "port", "fd", "unix-socket"])
def test_daphne_listens_nowhere_else(name: str) -> None:
    assert f'option "{name}" of daphne is set by Bakeoff' in refusal(stack("daphne", "asgi", options={name: "9"}))


def test_gunicorn_cannot_become_a_daemon() -> None:
    """It could not be stopped."""
    assert 'option "daemon" of gunicorn is set by Bakeoff' in refusal(
        stack("gunicorn", "wsgi", options={"daemon": True})
    )


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({}, "--no-control-socket"),
        ({"control-socket": False}, "--no-control-socket"),
        ({"control-socket": True}, None),
        ({"no-control-socket": False}, None),
        ({"control-socket": "/tmp/socket"}, "--control-socket=/tmp/socket"),
    ],
)
def test_the_control_socket_of_gunicorn_is_off_unless_asked_for(options: dict[str, Any], argument: str | None) -> None:
    """There is ``--no-control-socket``, but no ``--control-socket`` without a path."""
    written = arguments(stack("gunicorn", "wsgi", options=options))

    assert [option for option in written if "control-socket" in option] == ([argument] if argument else [])


@pytest.mark.parametrize(
    ("version", "knows"), [("23.0.0", False), ("25.0.3", False), ("25.1.0", True), ("100.0", True)]
)
def test_an_older_gunicorn_gets_no_argument_that_it_does_not_know(version: str, knows: bool) -> None:
    """It had no control socket, and would refuse to start."""
    command = servers.command_line(stack("gunicorn", "wsgi"), "127.0.0.1", 8000, "python", version)
    assert ("--no-control-socket" in command) is knows


@pytest.mark.parametrize("server", ["granian", "uvicorn"])
@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({}, "--no-access-log"),
        ({"access-log": True}, "--access-log"),
        ({"no-access-log": True}, "--no-access-log"),
        ({"no-access-log": False}, "--access-log"),
    ],
)
def test_false_is_the_negative_form_where_there_is_one(server: str, options: dict[str, Any], argument: str) -> None:
    """A negative option replaces a default in the same way."""
    written = arguments(stack(server, "asgi", options=options))

    assert [option for option in written if "access-log" in option] == [argument]


def test_waitress_does_not_log_every_request_that_waits() -> None:
    """Under load nearly every request waits."""
    assert "getLogger('waitress.queue').setLevel('ERROR')" in arguments(stack("waitress", "wsgi"))[1]


def test_a_command_of_its_own_is_filled_in() -> None:
    own = Stack(name="mine", interface="wsgi", command=("{python}", "-m", "shop", "--bind={host}:{port}", "{other}"))

    assert arguments(own) == ["-m", "shop", "--bind=127.0.0.1:8123", "{other}"]
