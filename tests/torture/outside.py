"""What is broken, as others than we see it: Toxiproxy's API, the services' own answers, the kernel's list of processes.

Nothing of `chaos` is imported here: it is what this checks.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sqlite3
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ANSWER_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Outside:
    """A target that is up. `api` is the fault proxy's, `proxies` are the names of all links'; `switch` is where the
    fault `http` switches, `file` what the fault `command` makes. How services are depends on the platform."""

    state: Path
    api: str
    switch: str
    file: Path
    proxies: frozenset[str]

    def broken(self) -> list[str]:
        """A line for everything that is not as it was before the first run; empty when all is."""
        found = [*self._links(), *self._services()]
        if get(self.switch, "/switch") == 200:
            found.append("the switch is on")
        if self.file.exists():
            found.append("the command's file is there")
        return found

    def _services(self) -> Iterator[str]:
        raise NotImplementedError

    def _links(self) -> Iterator[str]:
        try:
            with urllib.request.urlopen(f"http://{self.api}/proxies", timeout=ANSWER_S) as answer:
                proxies = json.load(answer)
        except OSError as cause:
            yield f"the fault proxy does not answer: {cause}"
            return
        if missing := self.proxies - set(proxies):
            yield f"no proxy for {sorted(missing)}"
        for name, proxy in proxies.items():
            if not proxy["enabled"]:
                yield f"{name} is disabled"
            for toxic in proxy["toxics"] or ():
                yield f"{name} has {toxic['type']} ({toxic['name']})"

    def surging(self) -> bool:
        """A run's customers go on: what a surge has made of them ends with them."""
        return any(program == "generator" for _, program, _ in self.processes())

    def processes(self) -> list[tuple[int, str, str]]:
        """Of a run on this state folder: pid, `watchdog` or `generator`, and its state in the kernel's letter."""
        mark, found = str(self.state), []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
                program = next((w.rpartition(".")[2] for w in words if w in PROGRAMS), "")
                if program and mark in (path / "environ").read_bytes().decode(errors="replace"):
                    letter = (path / "stat").read_text().rpartition(")")[2].split()[0]
                    found.append((int(path.name), program, letter))
            except OSError:
                continue
        return found

    def frozen(self) -> list[str]:
        """Processes of the target that are stopped."""
        mark, found = str(self.state).encode(), []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                letter = (path / "stat").read_text().rpartition(")")[2].split()[0]
                if letter == "T" and mark in (path / "environ").read_bytes():
                    found.append(f"process {path.name} is stopped")
            except OSError:
                continue
        return found

    def ledger(self) -> list[str]:
        """Its files; half of one, which somebody was killed at writing, stands for nothing and is none."""
        names = (path.name for path in (self.state / "ledger").glob("*"))
        return sorted(name for name in names if not name.startswith(".") and not name.endswith(".tmp"))

    def damage(self) -> list[str]:
        """What SQLite itself has to say against the store."""
        if not (self.state / "runs.db").exists():
            return []
        with sqlite3.connect(self.state / "runs.db", timeout=10) as store:
            said = [row[0] for row in store.execute("PRAGMA quick_check")]
        store.close()
        return [] if said == ["ok"] else said


@dataclass(frozen=True, kw_only=True)
class Processes(Outside):
    """A target of processes of this machine. `http` are the addresses that answer HTTP, by name."""

    http: dict[str, str]
    cache: str

    def _services(self) -> Iterator[str]:
        for name, address in self.http.items():
            if (status := get(address, "/healthz")) != 200:
                yield f"{name} answers {status}"
        if why := no_pong(self.cache):
            yield f"the cache {why}"


PROGRAMS = {"chaos.rehearsal.watchdog", "chaos.load.generator"}


def get(address: str, path: str) -> int | str:
    connection = http.client.HTTPConnection(address, timeout=ANSWER_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as cause:
        return type(cause).__name__
    finally:
        connection.close()


def no_pong(address: str) -> str:
    """What a Valkey does that does not answer a PING; empty when it does."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=ANSWER_S) as connection:
            connection.settimeout(ANSWER_S)
            connection.sendall(b"PING\r\n")
            return "" if connection.recv(7) == b"+PONG\r\n" else "says nonsense"
    except OSError as cause:
        return f"does not answer: {cause}"


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def kill(pid: int) -> bool:
    """SIGKILL. False when it was gone before."""
    import signal

    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
