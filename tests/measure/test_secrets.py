"""What a run leaves behind holds no value of a variable or header, and a run is resumed with those of its file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bakeoff.experiment import read_experiment
from bakeoff.findings import state
from bakeoff.findings.run_comparison import compare_runs
from bakeoff.measure import measure_new, remaining, resume
from bakeoff.model import Block, Experiment, Stack, UserError
from bakeoff.report import compare, markdown
from bakeoff.results import RunFolder, load_run
from tests.measure import fakes
from tests.measure.fakes import FakeBackend, FakeGenerator, FakeStack

FILE = """
[experiment]
baseline = "good"
loads = [{ users = 8 }]
blocks = 7
slice_s = 1.0

[scenarios.front]
requests = [{ get = "/?token=hunter22", headers = { X-Shop = "hunter22" } }]

[stacks.good]
interface = "wsgi"
app = "apps.flask_app:app"
server = "gunicorn"
env = { STRIPE = "hunter22", TZ = "UTC" }

[stacks.bad]
command = ["serve", "--password", "hunter22", "{port}"]
env = { STRIPE = "hunter22" }
"""


class TalkativeStack(FakeStack):
    """Prints what it was given when it ends, which is at once."""

    def exit_message(self) -> str | None:
        return f"ended with status 1: {dict(self.stack.env)}"

    def log_tail(self) -> str:
        return f"starting with {dict(self.stack.env)} and postgres://shop:hunter22@db"


class TalkativeBackend(FakeBackend):
    """One of its stacks ends at once; all keep a log."""

    def start(self, stack: Stack, block: Block, logs: Path) -> FakeStack:
        (logs / f"{stack.name}.log").write_text(f"starting with {dict(stack.env)}", "utf-8")
        kind = TalkativeStack if stack.name == "bad" else FakeStack
        return kind(stack, self.events)


@pytest.fixture
def asked(tmp_path: Path) -> Experiment:
    """The experiment of a file with secrets."""
    (tmp_path / "shop.toml").write_text(FILE, "utf-8")
    return read_experiment(tmp_path / "shop.toml")


def contents(folder: Path) -> dict[str, str]:
    """Every file of a run folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in files}


def test_no_file_of_a_run_holds_a_secret(tmp_path: Path, asked: Experiment) -> None:
    folder = measure_new(fakes.manifest(asked), tmp_path / "results", fakes.context(backend=TalkativeBackend()))
    files = contents(folder.path)
    assert {"manifest.json", "summary.json", "blocks/0000/record.json", "blocks/0000/good.log"} <= files.keys()
    assert "[redacted]" in files["blocks/0000/record.json"]
    assert [name for name, content in files.items() if "hunter22" in content] == []
    run = load_run(folder.path)
    assert "TZ=UTC" in markdown.render(state(run), ()).decode()
    assert "hunter22" not in markdown.render(state(run), ()).decode()


def test_runs_with_other_secrets_differ_when_they_are_compared(tmp_path: Path, asked: Experiment) -> None:
    good, bad = asked.stacks
    other = msgspec.structs.replace(good, env={**good.env, "STRIPE": "hunter33"})
    runs = [
        fakes.measured(msgspec.structs.replace(asked, stacks=stacks), tmp_path / name)
        for name, stacks in {"first": (good, bad), "same": (good, bad), "other": (other, bad)}.items()
    ]
    first, same, changed = runs
    assert compare_runs([first, same]).differences == ()
    assert [difference.fact for difference in compare_runs([first, changed]).differences] == ["good"]
    page = compare.render_page(compare_runs([first, changed]), ["a", "b"]).decode()
    assert "STRIPE=masked:" in page
    assert "hunter" not in page


def test_what_an_earlier_version_stored_is_masked_when_it_is_read(tmp_path: Path, asked: Experiment) -> None:
    manifest = fakes.manifest(asked)
    folder = RunFolder.create(tmp_path / "results", manifest)
    (folder.path / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    assert "hunter22" not in msgspec.json.encode(folder.manifest()).decode()


def interrupted(results: Path, asked: Experiment) -> RunFolder:
    """A run that was interrupted after two blocks."""
    manifest = fakes.manifest(asked)
    with pytest.raises(KeyboardInterrupt):
        measure_new(manifest, results, fakes.context(generator=FakeGenerator(interrupt_after=2 * 2 * 2)))
    return RunFolder(results / manifest.run_id)


class RecordingBackend(FakeBackend):
    """Remembers the stacks that it started."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Stack] = []

    def start(self, stack: Stack, block: Block, logs: Path) -> FakeStack:
        self.started.append(stack)
        return super().start(stack, block, logs)


def test_a_run_is_resumed_with_the_values_of_its_file(tmp_path: Path, asked: Experiment) -> None:
    folder = interrupted(tmp_path / "results", asked)
    backend = RecordingBackend()
    rest = remaining(folder, folder.manifest())
    assert (rest.blocks, rest.scenarios) == (asked.blocks - 2, asked.scenarios)
    resume(folder, rest, fakes.context(backend=backend))
    assert set(map(msgspec.json.encode, backend.started)) == set(map(msgspec.json.encode, asked.stacks))
    assert load_run(folder.path).manifest.state == "complete"
    assert [name for name, content in contents(folder.path).items() if "hunter22" in content] == []


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (FILE.replace('STRIPE = "hunter22", TZ', 'STRIPE = "hunter33", TZ'), r"stacks\.good\.env\.STRIPE, which is"),
        (FILE.replace('"--password", "hunter22"', '"--password", "x"'), r"stacks\.bad\.command\[2\], which is masked"),
        (FILE.replace('X-Shop = "hunter22"', 'X-Shop = "x"'), r"scenarios\.front\.requests\[0\]\.headers\.X-Shop"),
        (None, r"and .*shop\.toml with them does not exist; restore it, or start a new run"),
    ],
)
def test_it_is_refused_where_they_are_not_what_they_were(
    tmp_path: Path, asked: Experiment, written: str | None, message: str
) -> None:
    folder = interrupted(tmp_path / "results", asked)
    file = tmp_path / "shop.toml"
    file.write_text(written, "utf-8") if written else file.unlink()
    with pytest.raises(UserError, match=rf"cannot be resumed: .*{message}") as refused:
        remaining(folder, folder.manifest())
    assert "\n" not in str(refused.value)
