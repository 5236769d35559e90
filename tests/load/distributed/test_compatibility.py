"""A worker drives what the master would: the same versions, and the same code of every scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakeoff.load.distributed.address import read_address, read_own_address
from bakeoff.load.distributed.compatibility import difference
from bakeoff.load.distributed.protocol import Terms
from bakeoff.load.distributed.sources import digests_of, files_of, terms_for, versions
from bakeoff.load.distributed.token import take_token
from bakeoff.model import Request, Scenario, UserError

TOKEN = "a token of sixteen characters"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An experiment's folder: a scenario that imports a package beside it, and a file that it does not."""
    files = {
        "scenarios/shop.py": "import json\nfrom basket.items import cakes\nimport prices\n",
        "scenarios/basket/__init__.py": "",
        "scenarios/basket/items.py": "from . import sizes\nfrom .colours import red\n",
        "scenarios/basket/sizes.py": "",
        "scenarios/basket/colours.py": "red = 1\n",
        "scenarios/other.py": "",
        "prices.py": "",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    return tmp_path


def terms_of(root: Path) -> Terms:
    """What a master in that folder demands."""
    by_file = Scenario(name="shop", locustfile=str(root / "scenarios/shop.py"))
    return terms_for([by_file, Scenario(name="front", requests=(Request(method="GET", path="/"),))], root)


def problem(terms: Terms, root: Path) -> str | None:
    """What a worker in that folder finds."""
    return difference(terms, versions(), digests_of(terms.sources, root))


def test_a_scenarios_code_is_its_file_and_what_that_imports_from_beside_it(root: Path) -> None:
    """Through packages and relative imports; what is installed is known by its version."""
    names = [path.relative_to(root).as_posix() for path in files_of(root / "scenarios/shop.py", root)]
    assert names == [
        "prices.py",
        "scenarios/basket/__init__.py",
        "scenarios/basket/colours.py",
        "scenarios/basket/items.py",
        "scenarios/basket/sizes.py",
        "scenarios/shop.py",
    ]


def test_a_copy_of_the_folder_meets_the_terms(root: Path) -> None:
    """Wherever it is."""
    assert problem(terms_of(root), root) is None


@pytest.mark.parametrize("name", ["scenarios/shop.py", "scenarios/basket/colours.py", "prices.py"])
def test_another_state_of_any_of_its_files_does_not(root: Path, name: str) -> None:
    """One line, with a remedy."""
    terms = terms_of(root)
    (root / name).write_text("# changed\n", "utf-8")
    assert problem(terms, root) == (
        "scenarios/shop.py, or what it imports, differs from the master's; bring both folders to the same state"
    )


def test_a_file_of_no_scenario_may_differ(root: Path) -> None:
    """It drives nothing."""
    terms = terms_of(root)
    (root / "scenarios/other.py").write_text("# changed\n", "utf-8")
    assert problem(terms, root) is None


def test_a_missing_file_does_not_meet_the_terms(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With the option that helps."""
    found = problem(terms_of(root), tmp_path_factory.mktemp("elsewhere"))
    assert found is not None
    assert "scenarios/shop.py is missing; start the worker in a copy" in found
    assert "--directory" in found


@pytest.mark.parametrize("package", ["python", "bakeoff", "locust", "gevent"])
def test_another_version_does_not_meet_the_terms(root: Path, package: str) -> None:
    """Of Python, of Bakeoff's very code, of what drives the load."""
    terms = terms_of(root)
    own = {**versions(), package: "0.0.1"}
    found = difference(terms, own, digests_of(terms.sources, root))
    assert found == f"{package} is 0.0.1 here, {versions()[package]} on the master; install the same"


def test_a_file_that_does_not_parse_is_compared_all_the_same(root: Path) -> None:
    """That it does not is told when it is used."""
    (root / "scenarios/shop.py").write_text("import (", "utf-8")
    assert problem(terms_of(root), root) is None


def test_the_token_comes_from_the_environment_and_is_not_left_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stacks that are started later must not see it."""
    monkeypatch.setenv("BAKEOFF_TOKEN", TOKEN)
    assert take_token(None) == TOKEN.encode()
    with pytest.raises(UserError, match="workers need a token; set BAKEOFF_TOKEN, or name a file"):
        take_token(None)


def test_the_token_in_a_file_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the end of its line."""
    monkeypatch.setenv("BAKEOFF_TOKEN", "another token of many characters")
    (tmp_path / "token").write_text(TOKEN + "\n", "utf-8")
    assert take_token(tmp_path / "token") == TOKEN.encode()


def test_a_token_that_can_be_guessed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who listens to a handshake can try all short ones."""
    monkeypatch.setenv("BAKEOFF_TOKEN", "cake")
    with pytest.raises(UserError, match="shorter than 16 characters; make one"):
        take_token(None)


@pytest.mark.parametrize("text", ["", "host", "host:", ":5557", "1.2.3.4:99999", "a b:1", "::1:5557"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(UserError, match=r"give a name or an IPv4 address, and a port, such as 10\.0\.0\.1:5557"):
        read_address(text)


def test_names_are_looked_up() -> None:
    """ZeroMQ listens at numbers only."""
    assert read_address("localhost:5557") == ("127.0.0.1", 5557)


def test_a_master_listens_at_an_address_and_not_everywhere() -> None:
    """Stacks listen there too, and workers must find them."""
    with pytest.raises(UserError, match="give the address under which workers reach it"):
        read_own_address("0.0.0.0:5557")
