"""The token that masters and workers share: from the environment or a file, not from arguments, which all can see."""

from __future__ import annotations

import os
from pathlib import Path

from bakeoff.model import UserError

VARIABLE = "BAKEOFF_TOKEN"
FEWEST_CHARACTERS = 16
_REMEDY = 'make one: python -c "import secrets; print(secrets.token_urlsafe())"'


def take_token(file: Path | None) -> bytes:
    """The token in ``file``, else in the environment, where no process started later finds it any more.

    Raises `UserError` when there is none, or one that can be guessed.
    """
    inherited = os.environ.pop(VARIABLE, "")
    token = (_read(file) if file else inherited).strip()
    if not token:
        raise UserError(f"workers need a token; set {VARIABLE}, or name a file with it: --token-file; {_REMEDY}")
    if len(token) < FEWEST_CHARACTERS:
        raise UserError(f"the token is shorter than {FEWEST_CHARACTERS} characters; {_REMEDY}")
    return token.encode()


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}; it is to hold the token") from None
