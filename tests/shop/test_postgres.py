"""The database launcher: from an empty folder, after kill -9, as root and in closed folders."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from targets.shop import unprivileged as module
from targets.shop.local import LocalShop, free_port
from targets.shop.postgres import ACCESS, prepare

pytestmark = pytest.mark.integration


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[LocalShop]:
    tmp_path.chmod(0o700)
    with LocalShop(tmp_path) as shop:
        yield shop


def ask(dsn: str, query: str) -> object:
    with psycopg.connect(dsn, connect_timeout=5, autocommit=True) as connection:
        ((found,),) = connection.execute(query.encode()).fetchall()
        return found


def test_an_empty_folder_becomes_the_shops_catalogue(shop: LocalShop) -> None:
    """5,000 products and ten limited ones, the same every time; `shop_ro` cannot write."""
    shop.start("db")
    assert ask(shop.dsn(), "SELECT count(*) FROM products") == 5010
    fingerprint = "SELECT md5(string_agg(id || name || price_cents || stock, ',' ORDER BY id)) FROM products"
    assert ask(shop.dsn(), fingerprint) == "4063d2033c23400693d0924239c7950c"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(shop.dsn() + "&options=-cdefault_transaction_read_only%3Doff", "UPDATE products SET stock = 0 RETURNING id")


def test_the_service_is_the_postmaster_itself(shop: LocalShop) -> None:
    """Its pid is the one in PostgreSQL's own lock file."""
    shop.start("db")
    lines = (shop.state / "db" / "data" / "postmaster.pid").read_text().splitlines()
    assert int(lines[0]) == shop.processes["db"].pid
    assert Path(f"/proc/{shop.processes['db'].pid}/comm").read_text().strip() == "postgres"


@pytest.mark.parametrize("stopped", [False, True])
def test_it_starts_again_after_kill_9(shop: LocalShop, stopped: bool) -> None:
    """Also when its children are stopped, and would hold on to its memory for ever."""
    shop.start("db")
    with psycopg.connect(shop.dsn(user="postgres"), autocommit=True) as connection:
        connection.execute("UPDATE products SET stock = 77 WHERE id = 1")
        connection.execute("SELECT 1")
        if stopped:
            shop.signal("db", signal.SIGSTOP)
        shop.kill("db")
        shop.start("db")
    assert ask(shop.dsn(), "SELECT stock FROM products WHERE id = 1") == 77


def test_a_lock_file_with_somebody_elses_pid_does_not_matter(shop: LocalShop) -> None:
    """The pid of a dead server is reused by the system one day."""
    shop.start("db")
    lock = shop.state / "db" / "data" / "postmaster.pid"
    shop.kill("db")
    lock.write_text(lock.read_text().replace(lock.read_text().split()[0], str(os.getpid()), 1))
    shop.start("db")
    assert ask(shop.dsn(), "SELECT 1") == 1


def test_an_unfinished_folder_is_made_anew(shop: LocalShop) -> None:
    """Killed in the middle of its first start, it begins again."""
    unfinished = shop.state / "db" / "data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    shop.start("db")
    assert ask(shop.dsn(), "SELECT count(*) FROM products") == 5010


def test_the_replica_follows_and_follows_again(shop: LocalShop) -> None:
    """Streaming from the first moment; after kill -9 it catches up with what it has missed."""
    shop.start("db", "replica")
    for value in (1, 2):
        with psycopg.connect(shop.dsn(user="postgres"), autocommit=True) as connection:
            connection.execute("UPDATE products SET sold = %s WHERE id = 1", (value,))
        if value == 2:
            shop.start("replica")
        give_up = time.monotonic() + 20
        while ask(shop.dsn(node="replica"), "SELECT sold FROM products WHERE id = 1") != value:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        if value == 1:
            shop.kill("replica")
    assert ask(shop.dsn(node="replica"), "SELECT pg_is_in_recovery()") is True


def test_a_replica_waits_for_its_primary(shop: LocalShop) -> None:
    """Started at the same time as the primary, it tries again until there is something to copy."""
    shop._launch("replica")
    shop.start("db")
    shop.wait("replica")
    assert ask(shop.dsn(node="replica"), "SELECT count(*) FROM products") == 5010


def test_sigint_ends_it_with_all_its_children(shop: LocalShop) -> None:
    """Within 3 s, with clients connected."""
    shop.start("db")
    with psycopg.connect(shop.dsn()):
        shop.processes["db"].send_signal(signal.SIGINT)
        assert shop.processes["db"].wait(10) == 0
    assert str(shop.state) not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout


def test_only_loopback_may_enter() -> None:
    """Trust is for 127.0.0.1 alone."""
    rules = [line.split() for line in ACCESS.splitlines() if line]
    assert {rule[-2] for rule in rules} == {"127.0.0.1/32"}


def test_without_namespaces_it_runs_as_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's default seccomp profile refuses them; the folder is closed to nobody all the same."""
    if os.geteuid() != 0:
        # An ordinary user needs neither way: the same server starts with no words before it.
        assert module.unprivileged(tmp_path) == []
        return
    monkeypatch.setattr(module, "NAMESPACE", ["false"])
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    command = prepare("primary", closed / "data", None)
    assert command[0] == "setpriv"
    port = free_port()
    with ExitStack() as stack:
        server = subprocess.Popen([*command, "-p", str(port)], stderr=subprocess.DEVNULL)
        stack.callback(server.wait, 10)
        stack.callback(server.send_signal, signal.SIGINT)
        dsn = f"postgresql://shop_ro@127.0.0.1:{port}/shop?sslmode=disable"
        give_up = time.monotonic() + 20
        while True:
            try:
                assert ask(dsn, "SELECT count(*) FROM products") == 5010
                break
            except psycopg.OperationalError:
                assert time.monotonic() < give_up
                time.sleep(0.05)
        assert Path(f"/proc/{server.pid}").stat().st_uid == module.NOBODY


def test_a_missing_address_is_said(tmp_path: Path) -> None:
    """A replica with an empty folder and no primary says what it needs."""
    run = subprocess.run(
        [sys.executable, "-m", "targets.shop.postgres", "replica", "--port", "1", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert run.returncode == 1
    assert "--primary HOST:PORT" in run.stderr
