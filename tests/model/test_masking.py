"""Values that may be secret are masked where a run is stored, and found again where it is resumed."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.model import Experiment, MaskedError, Masker, Redaction, Request, Scenario, Stack, has_masks, unmasked
from tests.builders import experiment, stack

MASKER = Masker(lambda: b"key")
OTHER_KEY = Masker(lambda: b"another")


def with_stack(**fields: Any) -> Experiment:
    return experiment(stack("a", **fields))


def with_command(*command: str) -> Experiment:
    return with_stack(app=None, server=None, command=(*command, "{port}"))


def with_request(**fields: Any) -> Experiment:
    return experiment(scenarios=(Scenario(name="s", requests=(Request(**{"method": "GET", "path": "/", **fields}),)),))


SECRETS = {
    "a variable": with_stack(env={"STRIPE": "hunter2"}),
    "a URL in a harmless variable": with_stack(env={"HOST": "https://me:hunter2@shop"}),
    "a server's option": with_stack(options={"ssl-keyfile-password": "hunter2"}),
    "a variable among options": with_stack(options={"env": "STRIPE=hunter2"}),
    "a variable in a command": with_command("env", "STRIPE=hunter2", "serve"),
    "an option in a command": with_command("serve", "--api-token=hunter2"),
    "an argument after an option": with_command("serve", "--password", "hunter2"),
    "a URL in a command": with_command("serve", "--db=postgres://shop:hunter2@db/shop"),
    "a shell's command": with_command("sh", "-c", "DB_PASSWORD='' API_TOKEN=hunter2 exec serve"),
    "a header in a command": with_command("serve", "-H", "Authorization: Bearer hunter2"),
    "the ready path": with_stack(ready="/healthz?token=hunter2"),
    "the first path": with_stack(first_path="/?token=hunter2"),
    "a header": with_request(headers={"Authorization": "Bearer hunter2"}),
    "any header": with_request(headers={"X-Shop": "hunter2"}),
    "a query": with_request(path="/?api_key=hunter2&page=1"),
    "a form": with_request(method="POST", data="user=me&password=hunter2"),
    "JSON as text": with_request(method="POST", data='{"user": "me", "password": "hunter2"}'),
    "JSON": with_request(method="POST", json={"login": [{"password": "hunter2"}]}),
    "a path of the timeline": experiment(timeline=("/cake?token=hunter2",)),
}


@pytest.mark.parametrize("asked", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_masked_and_found_again(asked: Experiment) -> None:
    stored = MASKER.experiment(asked)
    assert "hunter2" in msgspec.json.encode(asked).decode()
    assert "hunter2" not in msgspec.json.encode(stored).decode()
    assert has_masks(stored)
    assert unmasked(stored, asked, MASKER) == asked


@pytest.mark.parametrize("asked", SECRETS.values(), ids=SECRETS)
def test_another_secret_has_another_mask_and_is_not_taken_for_it(asked: Experiment) -> None:
    other = msgspec.json.decode(msgspec.json.encode(asked).replace(b"hunter2", b"hunter3"), type=Experiment)
    assert MASKER.experiment(other) != MASKER.experiment(asked)
    with pytest.raises(MaskedError, match="which is masked, is not what it was"):
        unmasked(MASKER.experiment(asked), other, MASKER)


@pytest.mark.parametrize(
    "asked",
    [
        with_stack(env={"PYTHONOPTIMIZE": "1", "OMP_NUM_THREADS": "2"}, options={"worker-class": "gthread"}),
        with_request(headers={"Accept": "text/html", "Content-Type": "text/plain"}, path="/search?q=cake"),
        with_command("python", "-m", "secrets:app", "--max-tokens", "--port", "https://shop.example/a"),
        with_stack(app="token_service:app", env={"EMPTY": ""}),
    ],
)
def test_what_is_harmless_stays_readable(asked: Experiment) -> None:
    assert MASKER.experiment(asked) == asked
    assert not has_masks(asked)


def test_a_file_may_name_what_else_is_harmless() -> None:
    asked = experiment(
        stack("a", env={"MODE": "fast", "STRIPE": "hunter2"}),
        scenarios=(Scenario(name="s", requests=(Request(method="GET", path="/", headers={"X-Tenant": "7"}),)),),
        unmasked=("MODE", "x-tenant"),
    )
    stored = MASKER.experiment(asked)
    assert stored.stacks[0].env["MODE"] == "fast"
    assert stored.stacks[0].env["STRIPE"] != "hunter2"
    assert stored.scenarios == asked.scenarios


def test_a_mask_cannot_be_made_without_the_key() -> None:
    """A digest without a key would give a PIN away to whoever tries all of them."""
    asked = with_stack(env={"PIN": "4711"})
    masks = {masker.experiment(asked).stacks[0].env["PIN"] for masker in (MASKER, OTHER_KEY)}
    assert len(masks) == 2
    with pytest.raises(MaskedError, match=r"stacks\.a\.env\.PIN was masked with a key that is not on this machine"):
        unmasked(MASKER.experiment(asked), asked, OTHER_KEY)


def test_stacks_and_scenarios_are_found_by_their_names() -> None:
    """A run may be of some of the file's stacks only."""
    a, b = (stack(name, env={"STRIPE": f"hunter-{name}"}) for name in "ab")
    assert unmasked(MASKER.experiment(experiment(b)), experiment(a, b), MASKER) == experiment(b)
    with pytest.raises(MaskedError, match=r"stacks\.b\.env\.STRIPE, which is masked"):
        unmasked(MASKER.experiment(experiment(b)), experiment(a), MASKER)


def test_what_is_not_masked_stays_as_it_was_stored() -> None:
    """The file's blocks or loads may have changed since."""
    asked = with_stack(env={"STRIPE": "hunter2"})
    changed = msgspec.structs.replace(asked, blocks=99, loads=())
    assert unmasked(MASKER.experiment(asked), changed, MASKER) == asked


texts = st.text() | st.lists(
    st.sampled_from(
        [
            "token",
            "password=",
            "https://",
            "me:pw",
            "@",
            ":",
            ": ",
            '"',
            "'",
            "masked:",
            "Authorization: ",
            " ",
            "{port}",
        ]
    )
).map("".join)


@given(env=st.dictionaries(texts, texts), path=texts, arguments=st.lists(texts))
def test_masking_twice_is_masking_once(env: dict[str, str], path: str, arguments: list[str]) -> None:
    """A manifest is read, changed and written several times."""
    command = {"app": None, "server": None, "command": (*arguments, "{port}")}
    asked = experiment(
        stack("a", env=env, **command),
        scenarios=(Scenario(name="s", requests=(Request(method="GET", path=f"/{path}", headers=env),)),),
    )
    once = MASKER.experiment(asked)
    assert MASKER.experiment(once) == once
    assert OTHER_KEY.experiment(once) == once
    assert unmasked(once, asked, MASKER) == asked


def test_the_manifest_masks_the_error_of_a_run() -> None:
    from tests.measure.fakes import manifest

    failed = msgspec.structs.replace(manifest(experiment()), error="no answer from https://me:hunter2@shop")
    assert "hunter2" not in str(MASKER.manifest(failed).error)


# --- text of others --------------------------------------------------------------------------------------------------

SHOP: Stack = stack(
    "a", env={"DATABASE_URL": "postgres://shop:hunter22@db/shop", "KEY": "Bearer abcdefgh", "TZ": "UTC"}
)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("cannot reach postgres://shop:hunter22@db/shop", "cannot reach [redacted]"),
        ("password hunter22 is wrong", "password [redacted] is wrong"),
        ("abcdefgh expired", "[redacted] expired"),
        ("GET https://me:pw@other/?token=x", "GET https://[redacted]@other/?token=[redacted]"),
        ("Authorization: Basic x", "Authorization: [redacted]"),
        ("jwt.InvalidTokenError: not enough segments at UTC", "jwt.InvalidTokenError: not enough segments at UTC"),
    ],
)
def test_secrets_are_taken_out_of_what_a_server_says(said: str, shown: str) -> None:
    redaction = Redaction([SHOP])
    assert redaction.text(said) == shown
    assert redaction.text(shown) == shown


def test_a_log_is_kept_without_them() -> None:
    assert Redaction([SHOP]).log(b"\xff hunter22\n") == b"\xff [redacted]\n"


@pytest.mark.parametrize("piece", ["a", "token", "://", "token: ", '"token":', "a=b&", "x@", "password="])
def test_no_text_takes_long(piece: str) -> None:
    """It may be a line of any length; the bound is generous."""
    began_s = time.process_time()
    Redaction([SHOP]).text(piece * 20_000)
    assert time.process_time() - began_s < 5
