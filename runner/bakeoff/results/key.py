"""The key of masks: it is made once, and stays on this machine, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

KEY_BYTES = 32


def masking_key() -> bytes:
    """The key, made if need be. Where none can be stored, one that is used once: its masks cannot be compared."""
    key = secrets.token_bytes(KEY_BYTES)
    try:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        path = state / "bakeoff" / "masking.key"
        if path.exists():
            return path.read_bytes()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
        try:
            path.hardlink_to(temporary)  # Fails where another process was first.
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
        return path.read_bytes()
    except (OSError, RuntimeError):  # There is no home.
        return key
