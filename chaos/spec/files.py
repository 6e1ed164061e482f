"""Open a file of ours: its text and its marked nodes, YAML or JSON through the same door."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from chaos.errors import SpecError
from chaos.spec.marked import Node

# A hundred times the largest file that anyone has written by hand.
BYTES_MAX = 2**20

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One file as it was read."""

    path: Path
    text: str
    root: Node


def read_text(path: str | Path) -> str:
    """The file's text. Raises: SpecError when it cannot be read, is too large, or is not text in UTF-8."""
    try:
        if Path(path).is_dir():
            raise SpecError("this is a folder; name a file in it", path=path)
        with Path(path).open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
    except FileNotFoundError as cause:
        raise SpecError(f"there is no such file{_similar(Path(path))}", path=path) from cause
    except (OSError, ValueError) as cause:
        reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
        raise SpecError(f"cannot be read: {reason}", path=path) from cause
    if len(raw) > BYTES_MAX:
        raise SpecError(f"larger than {BYTES_MAX // 2**20} MiB; a file of ours is a few kilobytes", path=path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line = raw.count(b"\n", 0, cause.start) + 1
        raise SpecError(
            f"not UTF-8: byte 0x{raw[cause.start]:02x}; save the file as UTF-8", path=path, line=line
        ) from cause
    if found := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise SpecError(f"a control character (U+{ord(found[0]):04X}); is this a text file?", path=path, line=line)
    return text


def read(path: str | Path) -> Source:
    """The file, parsed. `.json` is read as JSON, everything else as YAML. Raises: SpecError."""
    return parse(read_text(path), path, json=Path(path).suffix.lower() == ".json")


def parse(text: str, path: str | Path, *, json: bool | None = None) -> Source:
    """A file's text, parsed as YAML or as JSON; by its first character when nothing says which. Raises: SpecError."""
    if not text.strip():
        raise SpecError("the file is empty", path=path)
    if text.lstrip().startswith("{") if json is None else json:
        from chaos.spec.jsontext import parse as nodes
    else:
        from chaos.spec.yaml import parse as nodes
    return Source(path=Path(path), text=text, root=nodes(text, str(path)))


def read_all(path: str | Path) -> tuple[Node, ...]:
    """Every document of a file that may hold several, as other tools' files do; lines count through the whole file.
    Raises: SpecError."""
    from chaos.spec.yaml import parse

    if Path(path).suffix.lower() == ".json":
        return (read(path).root,)
    found, begun = [], 0
    lines = read_text(path).splitlines()
    marks = [number for number, line in enumerate(lines) if line == "---" or line.startswith("--- ")]
    for end in (*marks, len(lines)):
        # Blank lines in place of what came before keep the numbers right.
        text = "\n" * begun + "\n".join(line for line in lines[begun:end] if line != "...")
        if any(line.strip() and not line.strip().startswith("#") for line in lines[begun + (begun in marks) : end]):
            found.append(parse(text, str(path)))
        begun = end
    if not found:
        raise SpecError("the file is empty", path=path)
    return tuple(found)


def _similar(path: Path) -> str:
    import difflib

    try:
        names = [child.name for child in path.parent.iterdir() if child.suffix in (".yaml", ".yml", ".json")]
    except OSError:
        return f"; there is no folder {path.parent} either"
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.5)
    return f". Did you mean '{path.parent / close[0]}'?" if close else ""
