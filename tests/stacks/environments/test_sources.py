"""What a project's own files ask for: the first source that exists counts, and a package is installed itself."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from bakeoff.model import UserError
from bakeoff.stacks.environments import Choice, LockFile, Needs, needs_of, needs_of_packages, source_folder
from bakeoff.stacks.environments.sources import is_package, local_projects, python_version_of
from tests.stacks.environments.index import script

PACKAGE = '[build-system]\nrequires = ["setuptools"]\n[project]\nname = "shop"\ndependencies = ["flask"]\n'
PLAIN = '[project]\nname = "shop"\ndependencies = ["flask"]\n'
NOTHING_MORE = Choice()
MORE = """
[project.optional-dependencies]
web = ["gunicorn"]
[dependency-groups]
base = ["psycopg"]
prod = ["sentry-sdk", { include-group = "base" }]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def write(project: Path, **files: str) -> None:
    """Write files whose names have ``_`` in place of the dot."""
    for name, text in files.items():
        (project / name.replace("_", ".")).write_text(text, "utf-8")


def needs(project: Path, choice: Choice = NOTHING_MORE, root: Path | None = None) -> Needs:
    """What the project needs. The program of a lock file is on the path."""
    top = root or project
    return needs_of(project, top, choice, "python", top.parent, lambda lock: [f"no-{lock.program}"])


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of programs, the first on the path."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return folder


def test_a_package_brings_its_own_dependencies(project: Path) -> None:
    write(project, pyproject_toml=PACKAGE + MORE)
    assert needs(project) == Needs("python", project, projects=(str(project),))
    chosen = needs(project, Choice(extras=("web",), groups=("prod",)))
    assert chosen.projects == (f"{project}[web]",)
    assert chosen.lines == ("sentry-sdk", "psycopg")


def test_a_project_that_is_no_package_is_a_list_of_dependencies(project: Path) -> None:
    """Its files lie where the app is imported from."""
    write(project, pyproject_toml=PLAIN + MORE)
    chosen = needs(project, Choice(extras=("web",), groups=("base",)))
    assert chosen == Needs("python", project, lines=("flask", "gunicorn", "psycopg"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PACKAGE, True),
        (PLAIN, False),
        (f"{PACKAGE}[tool.uv]\npackage = false\n", False),
        (f"{PLAIN}[tool.uv]\npackage = true\n", True),
        (f"{PACKAGE}[tool.poetry]\npackage-mode = false\n", False),
        (f"{PACKAGE}[tool.pdm]\ndistribution = false\n", False),
    ],
)
def test_a_package_is_what_its_tool_calls_one(project: Path, text: str, expected: bool) -> None:
    assert is_package(project, tomllib.loads(text)) is expected


def test_a_source_folder_makes_a_package(project: Path) -> None:
    """Nothing else would make what is in it importable."""
    write(project, pyproject_toml=PLAIN)
    (project / "src" / "shop").mkdir(parents=True)
    (project / "src" / "shop" / "__init__.py").touch()
    assert needs(project).projects == (str(project),)
    (project / "src" / "__init__.py").touch()
    assert needs(project).projects == ()


def test_requirements_come_with_the_project_unless_they_name_it(project: Path) -> None:
    write(project, pyproject_toml=PACKAGE, requirements_txt="flask==3.1")
    file = project / "requirements.txt"
    assert needs(project) == Needs("python", project, files=(file,), projects=(str(project),))
    for line in ("-e .", ".", "./", "--editable=.", f"-e file://{project}", ".[web]", ". ; python_version > '3'"):
        file.write_text(f"flask\n{line}\n", "utf-8")
        assert needs(project).projects == (), line


def test_a_project_is_found_in_a_file_that_requirements_include(project: Path) -> None:
    write(project, requirements_txt="-r base.txt\n# -e ./lib", base_txt="./lib\n-r requirements.txt")
    (project / "lib").mkdir()
    assert local_projects(project / "requirements.txt", project) == {project / "lib"}


@pytest.mark.parametrize(
    ("lock", "program", "asked"),
    [
        ("uv.lock", "uv", "--python python --extra web --group prod"),
        ("poetry.lock", "poetry", "--extras web --with prod"),
        ("pdm.lock", "pdm", "--group web --group prod"),
    ],
)
def test_a_lock_file_is_exported_by_its_own_program(
    project: Path, programs: Path, lock: str, program: str, asked: str
) -> None:
    """Nothing is resolved besides: the project is installed as it is."""
    write(project, pyproject_toml=PACKAGE + MORE, requirements_txt="other")
    (project / lock).touch()
    script(programs / program, 'echo "# $@"; echo flask==3.0')
    chosen = needs(project, Choice(extras=("web",), groups=("prod",)))
    (file,) = chosen.files
    said = file.read_text("utf-8")
    assert said.endswith("\nflask==3.0\n")
    assert said.splitlines()[0].endswith(asked)
    assert chosen.projects == (str(project),)
    assert chosen.locked


def test_a_lock_file_that_cannot_be_read_is_one_line_with_a_remedy(project: Path, programs: Path) -> None:
    (project / "pdm.lock").touch()
    script(programs / "pdm", "echo the lock is out of date >&2; exit 1")
    with pytest.raises(UserError, match=r"pdm\.lock cannot be read: .*out of date; or give \[gate\] install"):
        needs(project)


def test_the_nearest_folder_that_says_what_is_needed_counts(project: Path) -> None:
    """In a repository of several projects; and never one outside of the repository."""
    write(project.parent, requirements_txt="outside")
    service = project / "services" / "shop"
    service.mkdir(parents=True)
    assert source_folder(service, project) is None
    write(service, pyproject_toml="[tool.ruff]")
    assert source_folder(service, project) is None
    write(project, pyproject_toml=PLAIN)
    assert source_folder(service, project) == project
    write(service, requirements_txt="flask")
    assert source_folder(service, project) == service


def test_a_project_of_a_workspace_is_locked_by_the_workspaces_file(project: Path, programs: Path) -> None:
    """Whose paths start from the workspace's folder. A lock file above that is no workspace's is another project's."""
    member = project / "services" / "shop"
    member.mkdir(parents=True)
    write(member, pyproject_toml=PACKAGE)
    write(project, uv_lock="", pyproject_toml=PLAIN)
    script(programs / "uv", "echo flask==3.0")
    assert not needs(member, root=project).locked
    write(project, pyproject_toml=f"{PLAIN}[tool.uv.workspace]\nmembers = ['services/*']\n")
    chosen = needs(member, root=project)
    assert (chosen.directory, chosen.projects, chosen.locked) == (project, (str(member),), True)


@pytest.mark.parametrize("choice", [Choice(extras=("wbe",)), Choice(groups=("wbe",))])
def test_an_extra_or_group_that_does_not_exist_is_the_users_mistake(project: Path, choice: Choice) -> None:
    write(project, pyproject_toml=PLAIN + MORE)
    with pytest.raises(UserError, match=r"\[gate\]: (extras|groups): unknown (extra|group) 'wbe'"):
        needs(project, choice)


@pytest.mark.parametrize(
    ("text", "version"), [("3.12\n", "3.12"), ("3.12.4", "3.12"), ("cpython@3.11", "3.11"), ("pypy", None)]
)
def test_the_version_of_python_that_a_project_names(project: Path, text: str, version: str | None) -> None:
    (project / "service").mkdir()
    (project / ".python-version").write_text(text, "utf-8")
    assert python_version_of(project / "service", project) == version


def test_packages_of_a_stack_are_requirements_files_and_folders(project: Path) -> None:
    write(project, pyproject_toml=PACKAGE, requirements_txt="flask")
    packages = ["uvicorn==0.34", ".[web]", "-e .", "-r requirements.txt", "starlette @ git+https://example.org/s"]
    found = needs_of_packages(packages, project, "python")
    assert found.lines == ("uvicorn==0.34", "starlette @ git+https://example.org/s")
    assert found.projects == (f"{project}[web]", str(project))
    assert found.files == (project / "requirements.txt",)


def test_a_folder_in_packages_that_is_no_package_stands_for_what_it_lists(project: Path) -> None:
    """As the project of an app that is run where it lies."""
    write(project, pyproject_toml=PLAIN + MORE)
    assert needs_of_packages([".[web]"], project, "python") == Needs("python", project, lines=("flask", "gunicorn"))
    with pytest.raises(UserError, match="packages: extras: unknown extra 'wbe'"):
        needs_of_packages([".[wbe]"], project, "python")
    write(project, requirements_txt="flask==3.1")
    assert needs_of_packages(["."], project, "python").files == (project / "requirements.txt",)


@pytest.mark.parametrize("package", ["./nowhere", "-r nowhere.txt", "./empty"])
def test_packages_that_do_not_exist_are_the_users_mistake(project: Path, package: str) -> None:
    (project / "empty").mkdir()
    with pytest.raises(UserError, match=r"packages: .*(nowhere|empty)"):
        needs_of_packages([package], project, "python")


def test_the_tool_of_a_lock_file_is_asked_for_where_it_is_not_on_the_path(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(project))
    (project / "pdm.lock").touch()
    asked: list[LockFile] = []

    def tool(lock: LockFile) -> list[str]:
        asked.append(lock)
        return ["/bin/echo"]

    needs_of(project, project, Choice(), "python", project.parent, tool)
    assert [lock.packages for lock in asked] == [("pdm",)]
