"""What every server adapter promises, asked of each file in the folder; then what is special about some."""

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
    """A stack of the bakery."""
    return Stack(**{"name": "mine", "interface": interface, "server": server, "app": "shop:app", **settings})


def arguments(stack: Stack, host: str = "127.0.0.1", port: int = 8123) -> list[str]:
    """The command line of a stack, without the interpreter."""
    assert stack.server is not None
    interpreter, *rest = servers.adapter(stack.server).command(stack, host, port, "/venv/bin/python")
    assert interpreter == "/venv/bin/python"
    return rest


def refusal(stack: Stack) -> str:
    """The one line with which a stack is refused."""
    with pytest.raises(UserError) as caught:
        arguments(stack)
    message = str(caught.value)
    assert "\n" not in message
    return message


each_server = pytest.mark.parametrize(("server", "interface"), CAN)


def test_every_file_of_the_folder_is_a_server() -> None:
    """Those that start with an underscore are not."""
    files = [path.stem for path in Path(servers.__file__).parent.glob("*.py") if not path.name.startswith("_")]

    assert servers.names() == tuple(sorted(files))
    assert {"gunicorn", "uvicorn"} <= set(files)


@pytest.mark.parametrize("server", servers.names())
def test_an_adapter_says_what_it_serves_and_what_to_install(server: str) -> None:
    """A file is an adapter by what it defines."""
    adapter = servers.adapter(server)

    assert adapter.INTERFACES
    assert set(adapter.INTERFACES) <= set(INTERFACES)
    assert adapter.PACKAGE
    assert all(prefix.isupper() for prefix in adapter.ENVIRONMENT)


@each_server
def test_a_command_serves_the_app_on_the_address(server: str, interface: Interface) -> None:
    """The app comes last, after every option."""
    *options, app = arguments(stack(server, interface))

    assert app == "shop:app"
    assert {"--bind=127.0.0.1:8123"} <= set(options) or {"--host=127.0.0.1", "--port=8123"} <= set(options)


@each_server
def test_a_command_works_with_ipv6(server: str, interface: Interface) -> None:
    """An address in brackets where a port follows it."""
    options = arguments(stack(server, interface), host="::1")

    assert "--bind=[::1]:8123" in options or "--host=::1" in options


@each_server
def test_no_option_is_given_twice(server: str, interface: Interface) -> None:
    """Which of the two would count?"""
    options = arguments(stack(server, interface, options={"backlog": 7}))
    names = [re.sub("^--(no-)?|=.*", "", option) for option in options if option.startswith("--")]

    assert len(set(names)) == len(names)
    assert "--backlog=7" in options


@each_server
def test_options_keep_their_order_and_are_one_argument_each(server: str, interface: Interface) -> None:
    """A value may start with a dash; true is a bare flag; false is nothing where a server knows no negative."""
    options = {"zeta": "-x", "alpha": 1.5, "flag": True, "off": False}

    assert arguments(stack(server, interface, options=options))[-4:] == [
        "--zeta=-x",
        "--alpha=1.5",
        "--flag",
        "shop:app",
    ]


@pytest.mark.parametrize(("server", "interface"), CANNOT)
def test_an_interface_that_a_server_does_not_know_is_refused(server: str, interface: Interface) -> None:
    """In one line that names the stack."""
    served = " and ".join(servers.adapter(server).INTERFACES)

    message = f'stack "mine": {server} serves {served} apps, not {interface}; choose another server'
    assert refusal(stack(server, interface)) == message


@each_server
def test_a_server_needs_an_app(server: str, interface: Interface) -> None:
    """A stack with a server but no app is a mistake."""
    assert 'set app = "module:attribute"' in refusal(stack(server, interface, app=None))


@each_server
def test_the_address_is_not_an_option(server: str, interface: Interface) -> None:
    """Bakeoff has to know where it listens."""
    name = "bind" if any(option.startswith("--bind") for option in arguments(stack(server, interface))) else "port"

    message = refusal(stack(server, interface, options={name: "9"}))
    assert message.startswith(f'stack "mine": option "{name}" of {server} is set by Bakeoff')


@each_server
def test_threads_are_used_or_refused(server: str, interface: Interface) -> None:
    """A report shows as many slots as there are."""
    with_threads = stack(server, interface, threads=4)

    if interface == "asgi":
        problem = f"{server} has no threads for asgi apps; remove threads = 4"
        assert refusal(with_threads) == f'stack "mine": {problem}'
    else:
        assert re.search(r"--(blocking-)?threads=4", " ".join(arguments(with_threads)))


@each_server
def test_workers_are_used_or_refused(server: str, interface: Interface) -> None:
    """The same for processes."""
    with_workers = stack(server, interface, workers=3)

    if server == "waitress":
        assert refusal(with_workers) == 'stack "mine": waitress runs one process; set workers = 1 and use threads'
    else:
        assert "--workers=3" in arguments(with_workers)


def test_an_unknown_server_is_named_with_those_there_are() -> None:
    """Nothing like it is known."""
    with pytest.raises(servers.UnknownServerError) as caught:
        servers.adapter("apache")

    assert str(caught.value) == f'unknown server "apache"; known servers: {", ".join(servers.names())}'


@pytest.mark.parametrize(("typed", "meant"), [("uvcorn", "uvicorn"), ("gnicorn", "gunicorn"), ("Granian", "granian")])
def test_a_misspelt_server_is_recognised(typed: str, meant: str) -> None:
    """The closest name is suggested."""
    with pytest.raises(LookupError, match=f'unknown server "{typed}"; did you mean "{meant}"\\? known servers: '):
        servers.adapter(typed)


@pytest.mark.parametrize("name", ["_common", "", "..gunicorn", "__init__"])
def test_only_adapters_are_imported(name: str) -> None:
    """Whatever is typed."""
    with pytest.raises(UserError, match="unknown server"):
        servers.adapter(name)


@pytest.mark.parametrize(
    ("interface", "threads", "worker_class"), [("wsgi", 1, "sync"), ("wsgi", 2, "gthread"), ("asgi", 1, "asgi")]
)
def test_gunicorn_takes_the_worker_that_fits(interface: Interface, threads: int, worker_class: str) -> None:
    """Nobody has to know their names."""
    assert f"--worker-class={worker_class}" in arguments(stack("gunicorn", interface, threads=threads))


@pytest.mark.parametrize(("interface", "worker_class"), [("asgi", "sync"), ("asgi", "gthread"), ("wsgi", "asgi")])
def test_gunicorn_refuses_a_worker_that_would_fail_every_request(interface: Interface, worker_class: str) -> None:
    """It would start without complaint."""
    message = refusal(stack("gunicorn", interface, options={"worker-class": worker_class}))

    assert message.startswith(f'stack "mine": gunicorn\'s worker class "{worker_class}" cannot serve {interface} apps')


def test_gunicorn_does_not_become_a_daemon() -> None:
    """Nobody could stop it."""
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
    found = [one for one in arguments(stack("gunicorn", "wsgi", options=options)) if "control-socket" in one]

    assert found == ([argument] if argument else [])


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
    """And a negative option undoes a default in the same way."""
    found = [one for one in arguments(stack(server, "asgi", options=options)) if "access-log" in one]

    assert found == [argument]


def test_waitress_does_not_log_every_request_that_waits() -> None:
    """Under load that would be nearly all."""
    assert "getLogger('waitress.queue').setLevel('ERROR')" in arguments(stack("waitress", "wsgi"))[1]
