"""What we write is its user's alone, and what we open is this machine's alone, whatever the umask."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..e2e.small import Small, marked, small, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def shop() -> Iterator[Small]:
    """Up, under the widest umask there is."""
    before = os.umask(0)
    try:
        with small() as up:
            # The folder is a stranger's as far as we know; what we make in it is ours.
            yield up
    finally:
        os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    found = []
    for path in [folder, *folder.rglob("*")]:
        mode = stat.S_IMODE(path.lstat().st_mode)
        if not path.is_symlink() and mode & 0o077:
            found.append(f"{mode:04o} {path.relative_to(folder)}")
    return found


def listening(pids: list[int]) -> set[str]:
    """The addresses on which these processes listen, as the kernel writes them."""
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                target = str(link.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:
                found.add(words[1].split(":")[0])
    return found


def test_nothing_of_a_run_is_readable_by_others(shop: Small) -> None:
    """Neither while it runs nor afterwards, nor what its watchdog writes: 0700 and 0600 throughout."""
    run = shop.run("latency: {link: edge -> web, delay: 200ms, for: 3s}")
    shop.injected(run)
    until(lambda: len(list((shop.state / "ledger").glob("*.json"))) == 2, within_s=3)
    assert open_to_others(shop.state) == []
    shop.ended(run)
    killed = shop.run("latency: {link: edge -> web, delay: 200ms, for: 20s}")
    shop.injected(killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=30)
    assert shop.command("recover").returncode == 0
    assert shop.command("halt").returncode == 0
    assert open_to_others(shop.state) == []
    assert shop.command("resume").returncode == 0
    assert (shop.state / "runs.db").exists()
    assert (shop.state / "logs" / "watchdog.log").exists()


def test_nothing_listens_beyond_this_machine(shop: Small) -> None:
    """The fault proxy, its links, the services, the supervisor, the generator: loopback or a private unix socket."""
    run = shop.run("latency: {link: edge -> web, delay: 200ms, for: 3s}")
    shop.injected(run)
    addresses = listening(marked(str(shop.state)))
    assert addresses == {"0100007F"}  # 127.0.0.1, in the kernel's order
    shop.ended(run)
