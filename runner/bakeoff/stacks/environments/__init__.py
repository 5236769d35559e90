"""Environments that stacks and revisions run in: found where they are, or built from what is asked for and kept.

`sources` reads what a project's own files ask for, `installers` has uv and pip, `builder` makes an environment of what
they resolve to and keeps it, and `of_stacks` gives each stack of a run its interpreter.
"""

from bakeoff.stacks.environments.builder import Builder, build_by_command, installed_version, open_builder
from bakeoff.stacks.environments.commands import CommandError, kill_command, run_command, start_command
from bakeoff.stacks.environments.needs import Needs, Resolved
from bakeoff.stacks.environments.of_stacks import install_missing_servers, with_interpreters
from bakeoff.stacks.environments.pythons import is_version, named_python, project_python, python_of_version
from bakeoff.stacks.environments.sources import (
    Choice,
    LockFile,
    needs_of,
    needs_of_files,
    needs_of_packages,
    python_version_of,
    source_folder,
)

__all__ = [
    "Builder",
    "Choice",
    "CommandError",
    "LockFile",
    "Needs",
    "Resolved",
    "build_by_command",
    "install_missing_servers",
    "installed_version",
    "is_version",
    "kill_command",
    "named_python",
    "needs_of",
    "needs_of_files",
    "needs_of_packages",
    "open_builder",
    "project_python",
    "python_of_version",
    "python_version_of",
    "run_command",
    "source_folder",
    "start_command",
    "with_interpreters",
]
