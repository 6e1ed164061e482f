"""Bad files by the thousand: `python -m tests.spec.generated --files 10000`, seeded, through the command line itself.

Good experiments, targets and Chaos Toolkit experiments are spoilt in a few places each. Whatever comes of them,
`validate` and then `plan` answer with a documented exit code and a sentence, never with a traceback.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
# Of `validate`: right or wrong. Of `plan`, for what is right: it can decide, it cannot, it cannot be planned, the
# platform lacks a capability.
VALIDATE, PLAN = {0, 65}, {0, 2, 65, 69}
JUNK: list[Any] = [
    None, True, False, 0, -1, 1, 10**18, 1e300, 0.1, "", " ", "~", "null", "0", "-1s", "0s", "1e9s", "300ms", "99.9%",
    "101%", "-5%", "1/0", "1/3", "web", "web -> db", "-> ", "a -> b -> c", "web-99", "p99 < 2s",
    "availability >= 99.9%",
    "availability >= 0%", "pages.p0 < 0s", "error-rate > 25% for 3s", "for", "yes", "\x00", "\ufeff", "é" * 50,
    "\U0001f600", "x" * 3000, [], {}, [[]], [None], {"": ""}, {"for": "1s"}, [{}], "{port}", "{nothing}", "{",
    "../../etc", "/dev/zero", "http://127.0.0.1", "file:///etc/passwd", "$(id)", "`id`", "'; DROP TABLE runs; --",
    "!!python/object:x", "2026-01-01", "1:30", "0o17", "NaN", ".inf", "<<", "*a", "&a b",
]  # fmt: skip
LINES = [
    "&a",
    "*a",
    "---",
    "...",
    "- -",
    "? :",
    "%YAML 1.1",
    "\t",
    "<<: {}",
    "a: {",
    "- [",
    "x: |",
    "? x",
    "  : y",
    "'",
    '"',
]


@dataclass
class Found:
    """What came of them."""

    files: int = 0
    codes: collections.Counter[str] = field(default_factory=collections.Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Found) -> None:
        self.files += other.files
        self.codes += other.codes
        self.wrong += other.wrong


def seeds() -> list[tuple[str, str]]:
    """The good files: what they are, and their text."""
    found = [("experiment", path.read_text()) for path in sorted((ROOT / "experiments").glob("*.yaml"))]
    found += [("experiment", json.dumps(yaml.safe_load(text), indent=1)) for _, text in found[:2]]
    small = (ROOT / "tests" / "torture" / "target.yaml").read_text()
    found += [("target", (ROOT / "targets" / "shop.yaml").read_text()), *[("target", small)] * 3]
    found += [("target", json.dumps(yaml.safe_load(small), indent=1))]
    probe = {"type": "probe", "name": "p", "tolerance": True, "provider": {
        "type": "python", "module": "os.path", "func": "exists", "arguments": {"path": "/"}}}  # fmt: skip
    plain = {
        "title": "plain", "description": "d", "steady-state-hypothesis": {"title": "s", "probes": [probe]},
        "method": [{"type": "action", "name": "a", "provider": {"type": "process", "path": "true"}}], "rollbacks": [],
    }  # fmt: skip
    return [*found, *[("chaostoolkit", json.dumps(plain, indent=1))] * 2]


def spoilt(text: str, chance: random.Random) -> str | bytes:
    """In one to three places, in the text or in what it means."""
    if chance.random() < 0.5:
        tree = yaml.safe_load(text)
        for _ in range(chance.randint(1, 3)):
            tree = _spoil_tree(tree, chance)
        if chance.random() < 0.4:
            return json.dumps(tree, default=str)  # PyYAML makes moments of what we read as text
        return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    lines = text.split("\n")
    for _ in range(chance.randint(1, 3)):
        _spoil_lines(lines, chance)
    whole = "\n".join(lines)
    if chance.random() < 0.1:
        raw = bytearray(whole.encode())
        for _ in range(chance.randint(1, 5)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        return bytes(raw)
    return whole[: chance.randrange(len(whole))] if chance.random() < 0.1 else whole


def _spoil_lines(lines: list[str], chance: random.Random) -> None:
    at = chance.randrange(len(lines))
    line = lines[at]
    column = chance.randint(0, len(line))
    match chance.randrange(7):
        case 0:
            lines[at] = line[:column] + str(chance.choice(JUNK)) + line[column:]
        case 1:
            lines[at] = line[:column]
        case 2:
            lines.insert(at, line)
        case 3:
            del lines[at : at + chance.randint(1, 4)]
            lines.append("")
        case 4:
            lines[at] = " " * chance.randint(0, 6) + line.lstrip()
        case 5:
            lines.insert(at, " " * chance.randint(0, 6) + chance.choice(LINES))
        case _:
            other = chance.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]


def _spoil_tree(tree: Any, chance: random.Random) -> Any:
    """One value replaced, one key renamed, dropped or added, somewhere."""
    if isinstance(tree, dict) and tree and chance.random() < 0.85:
        key = chance.choice([*tree])
        match chance.randrange(10):
            case 0:
                return {k: v for k, v in tree.items() if k != key}
            case 1:
                renamed = _misspelt(str(key), chance)
                return {(renamed if k == key else k): v for k, v in tree.items()}
            case 2:
                return tree | {str(chance.choice(["surprise", "for", "title", "links", key])): chance.choice(JUNK)}
            case _:
                return tree | {key: _spoil_tree(tree[key], chance)}
    if isinstance(tree, list) and tree and chance.random() < 0.85:
        at = chance.randrange(len(tree))
        if chance.random() < 0.2:
            return [*tree[:at], *tree[at:][: chance.randint(0, 1)] * 2]
        return [_spoil_tree(value, chance) if i == at else value for i, value in enumerate(tree)]
    if isinstance(tree, str) and tree and chance.random() < 0.3:
        return _misspelt(tree, chance)
    return chance.choice(JUNK)


def _misspelt(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word) + 1)
    return word[:at] + chance.choice(["x", "", " ", ":", "-", "%", "0"]) + word[at + chance.randint(0, 1) :]


def _call(words: list[str]) -> tuple[int, str]:
    """The command line, in this process: its exit code, and what it said on stderr."""
    from chaos.cli import main

    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        code = main(words)
    return code, said.getvalue()


def try_files(first: int, count: int, seed: int) -> Found:
    """So many of them, from that number on, in a folder of their own."""
    good, found = seeds(), Found()
    with tempfile.TemporaryDirectory(prefix="generated-") as folder, _state(folder):
        (Path(folder) / "targets").mkdir()
        (Path(folder) / "targets" / "shop.yaml").write_text((ROOT / "targets" / "shop.yaml").read_text())
        for number in range(first, first + count):
            chance = random.Random(f"{seed}/{number}")
            kind, text = chance.choice(good)
            path = Path(folder) / f"{number}.yaml"
            content = spoilt(text, chance)
            path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
            for line in _look(kind, path, found):
                found.wrong.append(f"number {number} ({kind}): {line}")
            found.files += 1
            path.unlink()
    return found


def _look(kind: str, path: Path, found: Found) -> Iterator[str]:
    """A line for everything that is wrong."""
    for verb, allowed in (("validate", VALIDATE), ("plan", PLAN)):
        try:
            code, said = _call([verb, str(path)])
        except BaseException as cause:  # nothing may come out of the command line at all
            yield f"{verb} raised {type(cause).__name__}: {cause}"
            return
        found.codes[f"{verb} {code}"] += 1
        if code not in allowed or "Traceback" in said or "internal error" in said:
            yield f"{verb} exited with {code}: {said[-300:]}"
        if code == 65 and path.name not in said:
            yield f"{verb} does not name the file: {said[:300]!r}"
        if code or kind != "experiment":
            return


@contextlib.contextmanager
def _state(folder: str) -> Iterator[None]:
    """Nothing of the user's is read or written."""
    before = os.environ.get("SALEPROOF_STATE")
    os.environ["SALEPROOF_STATE"] = str(Path(folder) / "state")
    try:
        yield
    finally:
        os.environ.pop("SALEPROOF_STATE")
        if before is not None:
            os.environ["SALEPROOF_STATE"] = before


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.spec.generated", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, metavar="N", help="so many (10,000)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began_s, total, part = time.monotonic(), Found(), 250
    jobs = [(i, min(part, arguments.files - i), arguments.seed) for i in range(0, arguments.files, part)]
    with multiprocessing.get_context("spawn").Pool() as pool:
        for found in pool.starmap(try_files, jobs, chunksize=1):
            total.add(found)
    print(f"{total.files:,} files in {time.monotonic() - began_s:.0f} s")
    for code, count in sorted(total.codes.items()):
        print(f"  {code}: {count:,}")
    print(f"{len(total.wrong)} tracebacks, undocumented exit codes or complaints without the file's name")
    print("\n".join(total.wrong[:40]))
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
