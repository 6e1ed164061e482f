"""What the services said: the last lines of a log, and those to come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

LOOK_EVERY_S = 0.2
CHUNK = 1 << 16


def tail(path: Path, lines: int, *, end: int | None = None) -> list[str]:
    """The last lines, or those before the byte `end`; none where there is no such file."""
    if lines <= 0:
        return []
    try:
        with path.open("rb") as file:
            at = file.seek(0, 2) if end is None else end
            text = b""
            while at > 0 and text.count(b"\n") <= lines:
                step = min(CHUNK, at)
                at = file.seek(at - step)
                text = file.read(step) + text
    except OSError:
        return []
    return text.decode(errors="replace").splitlines()[-lines:]


def follow(path: Path, *, lines: int = 10) -> Iterator[str]:
    """The last lines and every further one, for ever; an empty string whenever there is nothing new for now.

    A file that was truncated or made anew, as by the next `up`, is read from its beginning.
    """
    at = path.stat().st_size if path.exists() else 0
    yield from tail(path, lines, end=at)
    rest = b""
    while True:
        size = path.stat().st_size if path.exists() else 0
        if size < at:
            at, rest = 0, b""
        if size == at:
            yield ""
            time.sleep(LOOK_EVERY_S)
            continue
        with path.open("rb") as file:
            file.seek(at)
            fresh = file.read(CHUNK)
        at += len(fresh)
        *whole, rest = (rest + fresh).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
