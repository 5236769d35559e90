"""An app that was installed as a package is found in its environment."""

from __future__ import annotations

from pathlib import Path

from bakeoff.discover.installed import installed_apps

FLASK = "from flask import Flask\napp = Flask(__name__)\n"


def install(environment: Path, name: str, requires: str = "", **modules: str) -> str:
    """Put a package into an environment; its interpreter."""
    site = environment / "lib" / "python3.12" / "site-packages"
    information = site / f"{name.replace('-', '_')}-1.0.dist-info"
    information.mkdir(parents=True)
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}", "utf-8")
    files = {f"{name.replace('-', '_')}/{module}.py": text for module, text in modules.items()}
    for file, text in files.items():
        (site / file).parent.mkdir(exist_ok=True)
        (site / file).write_text(text, "utf-8")
    (information / "RECORD").write_text("".join(f"{file},,\n" for file in files), "utf-8")
    return str(environment / "bin" / "python")


def test_an_app_of_a_package_that_no_other_one_requires_is_found(tmp_path: Path) -> None:
    install(tmp_path, "shop-parts", __init__="", web=FLASK)
    install(tmp_path, "flask", __init__="", web=FLASK)
    install(tmp_path, "middleware", __init__="def app(environ, start_response):\n    return []\n")
    python = install(tmp_path, "Shop", requires="shop_parts>=1", __init__="", tool="", web=FLASK)
    (app,) = installed_apps(python)
    assert (app.name, app.framework, app.place) == ("Shop.web:app", "Flask", "installed with Shop")


def test_an_interpreter_outside_of_an_environment_has_none(tmp_path: Path) -> None:
    assert installed_apps(str(tmp_path / "bin" / "python")) == ()
