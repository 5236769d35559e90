"""Copies of the bakery's apps with a known amount of extra work in each request."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_APPENDED = {
    "flask_app.py": "\nfrom apps import overhead\n\napp.wsgi_app = overhead.Wsgi(app.wsgi_app)\n",
    "fastapi_app.py": "\nfrom apps import overhead\n\napp = overhead.Asgi(app)\n",
}


def inject(directory: Path, overhead: dict[str, Any]) -> Path:
    """Copy the apps into a directory, with an overhead (see ``overhead.py``); an empty one adds nothing."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(ROOT / "apps", directory / "apps", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(__file__).with_name("overhead.py"), directory / "apps")
    (directory / "apps" / "overhead.json").write_text(json.dumps(overhead), "utf-8")
    for name, appended in _APPENDED.items():
        with (directory / "apps" / name).open("a", encoding="utf-8") as app:
            app.write(appended)
    return directory
