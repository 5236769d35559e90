"""Git repositories for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, with an author's name."""
    config = ["-c", "user.name=Baker", "-c", "user.email=baker@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *config, "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path) -> None:
    """Commit every file of a repository."""
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "files")
