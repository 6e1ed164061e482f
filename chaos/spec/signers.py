"""The file of OpenSSH's allowed signers that a production target names. Not looked at when a target is loaded: what
stops or takes back a run must work without it."""

from __future__ import annotations

from pathlib import Path

from chaos.errors import SpecError
from chaos.model.target import Target
from chaos.spec import files


def signers_file(target: Target) -> Path | None:
    """None when the target names none. Raises: SpecError when it is not there or is no text."""
    if not target.armed_by:
        return None
    path = Path(target.path).parent / target.armed_by
    try:
        if not path.is_file():
            raise _wrong(target, f"there is no file {path}")
        path.read_bytes().decode()
    except OSError as cause:
        raise _wrong(target, f"{path} cannot be read: {cause.strerror}") from cause
    except UnicodeDecodeError as cause:
        raise _wrong(target, f"{path} is not UTF-8") from cause
    return path


def _wrong(target: Target, what: str) -> SpecError:
    line = files.parse(target.text, target.path).root.find("armed-by").line
    return SpecError(f"armed-by: {what}", path=target.path, line=line)
