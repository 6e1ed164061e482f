"""The two that are compared: the stock Chaos Toolkit's own command, and ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..e2e.small import Small
from .stubborn import Switch, System

STOCK = [str(Path(sys.executable).with_name("chaos")), "--no-version-check", "--no-log-file"]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one of them did. `on_s` is how long the fault was on, None when it still is."""

    exit: int
    left: bool
    on_s: float | None
    recorded: bool
    said: str

    def __str__(self) -> str:
        fault = "the fault stays" if self.left else f"on for {self.on_s:.1f} s" if self.on_s else "nothing left"
        code = f"killed, {'recorded' if self.recorded else 'no record'}" if self.exit < 0 else f"exit {self.exit}"
        return f"{code}, {fault}"


def stock(folder: Path, body: dict[str, Any], system: System | Switch, *words: str, kill: bool = False) -> Seen:
    """`chaos run`, on a plain file."""
    file, journal = folder / "stock.json", folder / "stock-journal.json"
    file.write_text(json.dumps(body))
    command = [*STOCK, "run", *words, "--journal-path", str(journal), str(file)]
    seen = _watch(command, folder, dict(os.environ), system, kill=kill)
    return Seen(**seen, recorded=journal.exists())


def plain(shop: Small, body: dict[str, Any], system: System | Switch) -> Seen:
    """`saleproof run`, on the same plain file."""
    file = shop.folder / "plain.json"
    file.write_text(json.dumps(body))
    command = [sys.executable, "-m", "chaos", "run", str(file)]
    return _ours(shop, command, shop.folder, system)


def own(shop: Small, system: System | Switch, method: str, abort: str = "", *, kill: bool = False) -> Seen:
    """`saleproof run`, on an experiment of ours that means the same."""
    file = Path(shop.experiment(method))
    file.write_text(file.read_text() + (f"abort: [{abort}]\n" if abort else ""))
    return _ours(shop, shop.words("run", str(file)), None, system, kill=kill)


def _ours(shop: Small, command: list[str], folder: Path | None, system: System | Switch, *, kill: bool = False) -> Seen:
    root = Path(__file__).parents[2]
    before = {run["id"] for run in json.loads(shop.command("runs", "--json").stdout)}
    environment = shop.environment() | {"PYTHONPATH": str(root)}
    seen = _watch(command, folder or root, environment, system, kill=kill)

    def recorded() -> bool:
        runs = json.loads(shop.command("runs", "--json").stdout)
        return any(run["id"] not in before and run["exit"] is not None for run in runs)

    if kill:
        _until(recorded, 20)
    return Seen(**seen, recorded=recorded())


def _watch(
    command: list[str], folder: Path, environment: dict[str, str], system: System | Switch, *, kill: bool
) -> dict[str, Any]:
    """Run it to its end, or kill it half a second into its fault; see when the fault goes on and off."""
    run = subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    on_s: float | None = None
    off_s: float | None = None
    said, reader = "", _Reader(run)
    while run.poll() is None:
        now_s = time.monotonic()
        if system.broken and on_s is None:
            on_s = now_s
        if on_s is not None and off_s is None and not system.broken:
            off_s = now_s
        if kill and on_s is not None and now_s - on_s > 0.5:
            run.send_signal(signal.SIGKILL)
            run.wait()
        time.sleep(0.01)
    if kill:  # what outlives it gets its time
        _until(lambda: not system.broken, 8)
    if on_s is not None and off_s is None and not system.broken:
        off_s = time.monotonic()
    said = reader.text()
    lasted_s = off_s - on_s if on_s is not None and off_s is not None else None
    return {"exit": run.returncode, "left": system.broken, "on_s": lasted_s, "said": said}


class _Reader:
    """What a program says, read as it comes, so that it never waits for us."""

    def __init__(self, run: subprocess.Popen[str]) -> None:
        import threading

        assert run.stdout is not None
        self._lines: list[str] = []
        stream = run.stdout
        self._thread = threading.Thread(target=lambda: self._lines.extend(stream), daemon=True)
        self._thread.start()

    def text(self) -> str:
        self._thread.join(5)
        return "".join(self._lines)


def _until(what: Callable[[], bool], within_s: float) -> None:
    until_s = time.monotonic() + within_s
    while not what() and time.monotonic() < until_s:
        time.sleep(0.05)
