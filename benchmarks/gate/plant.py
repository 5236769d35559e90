"""Copies of the project in which one thing is different, by a known amount."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_APPENDED = {
    "flask_app.py": "\nfrom apps import burden\n\napp.wsgi_app = burden.Wsgi(app.wsgi_app)\n",
    "fastapi_app.py": "\nfrom apps import burden\n\napp = burden.Asgi(app)\n",
}


def plant(directory: Path, burden: dict[str, Any]) -> Path:
    """A directory with the apps under a burden (see ``burden.py``), made anew."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(ROOT / "apps", directory / "apps", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(__file__).with_name("burden.py"), directory / "apps")
    (directory / "apps" / "burden.json").write_text(json.dumps(burden), "utf-8")
    for name, appended in _APPENDED.items():
        with (directory / "apps" / name).open("a", encoding="utf-8") as app:
            app.write(appended)
    return directory
