"""A secret that a file or the environment holds is used, and is seen nowhere else."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..e2e.small import Small, marked, small
from ..torture.outside import Outside

SECRET = "hunter2butlonger"
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def shop() -> Iterator[Small]:
    """A target whose file has passwords: in a connection string and in a service's environment."""
    with small() as up:
        assert up.saleproof("down").returncode == 0
        file = up.folder / "target.yaml"
        text = file.read_text().replace("  stock: {", "  stock: {").replace(
            "  embedded:\n",
            f"  embedded:\n    sql: {{db: 'postgresql://shop:{SECRET}@127.0.0.1:1/shop'}}\n"
            f"    env: {{SHOP_API_KEY: {SECRET}}}\n",
        )  # fmt: skip
        file.write_text(text.replace("slis:\n", "slis:\n  stock-left: {sql: db, query: SELECT 1}\n"))
        up.up()
        yield up


def fault(outside: Outside) -> str:
    """A fault of the user's own with a secret in a header."""
    url = f"'http://{outside.switch}/switch'"
    header = f"headers: {{Authorization: Bearer {SECRET}}}"
    return (
        f"http: {{send: {{url: {url}, method: PUT, {header}}}, undo: {{url: {url}, method: DELETE, {header}}}, "
        f"check: {{url: {url}}}, for: 3s}}"
    )


def in_the_store(path: Path) -> list[str]:
    """Tables and columns that hold it, also where they are packed."""
    found = []
    with sqlite3.connect(path) as store:
        tables = [row[0] for row in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in store.execute(f"SELECT * FROM {table}"):
                for value in row:
                    raw = value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else b""
                    for unpack in (bytes, zlib.decompress, gzip.decompress):
                        try:
                            if SECRET.encode() in unpack(raw):
                                found.append(table)
                        except (OSError, EOFError, zlib.error):
                            continue
    store.close()
    return found


def test_a_secret_is_in_no_record_screen_or_report(shop: Small) -> None:
    """The fault works with it; the store, the screen and every way to show a run do without it."""
    run = shop.run(fault(shop.outside))
    shop.injected(run)
    watched = shop.saleproof("status", "--json").stdout + shop.saleproof("status").stdout
    code, said = shop.ended(run)
    assert code in (0, 1), said
    ways = ([], ["--events"], ["--json"], ["--journal"])
    shown = [
        said, watched, *(shop.command("show", "last", *words).stdout for words in ways),
        shop.command("judge", "last", "--json").stdout, shop.command("runs", "--json").stdout,
        shop.saleproof("plan", shop.experiment(fault(shop.outside))).stdout,
        shop.saleproof("plan", shop.experiment(fault(shop.outside)), "--json").stdout,
    ]  # fmt: skip
    assert all(shown)
    assert not [text for text in shown if SECRET in text]
    assert any("***" in text for text in shown)
    assert in_the_store(shop.state / "runs.db") == []
    assert [fault["reverted"] for fault in shop.judged()["faults"]] == [True]


def test_a_source_that_refuses_its_password_does_not_show_it(shop: Small) -> None:
    """The preflight's complaint about a database that cannot be reached."""
    file = Path(shop.experiment(fault(shop.outside)))
    file.write_text(file.read_text() + "abort: [stock-left < 1]\n")
    done = shop.saleproof("run", str(file))
    assert done.returncode == 69, done.stderr
    assert "stock-left" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    doctor = shop.saleproof("doctor", "--json")
    assert SECRET not in doctor.stdout + doctor.stderr


def test_a_store_s_password_is_in_no_process_list_and_no_error(shop: Small) -> None:
    """The watchdog has the store's address too, and every user can read its arguments."""
    url = f"postgresql://saleproof:{SECRET}@127.0.0.1:1/runs"
    done = shop.command("runs", env={"SALEPROOF_STORE": url})
    assert done.returncode == 69, done.stderr
    assert SECRET not in done.stdout + done.stderr
    store = f"sqlite:///{shop.state}/{SECRET}.db"
    run = shop.run(fault(shop.outside), env={"SALEPROOF_STORE": store})
    shop.injected(run)
    arguments = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in marked(str(shop.state))]
    assert any(b"rehearsal.watchdog" in words for words in arguments)
    assert not [words for words in arguments if SECRET.encode() in words]
    shop.ended(run)


def test_a_plain_chaos_toolkit_experiment_keeps_it_too(shop: Small) -> None:
    """Its journal and its record are without the header that its provider sends."""
    provider = {
        "type": "http", "url": f"http://{shop.outside.switch}/switch", "method": "DELETE",
        "headers": {"Authorization": f"Bearer {SECRET}"},
    }  # fmt: skip
    body = {"title": "t", "description": "d", "method": [{"type": "action", "name": "a", "provider": provider}]}
    file, journal = shop.folder / "plain.json", shop.folder / "journal.json"
    file.write_text(json.dumps(body))
    done = shop.command("run", str(file), "--journal", str(journal))
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr + journal.read_text()
    assert in_the_store(shop.state / "runs.db") == []
