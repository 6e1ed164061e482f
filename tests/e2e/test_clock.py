"""Somebody sets the machine's clock while a fault is on: nothing that lasts is measured by the time of day."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .small import Small, small

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
HOUR_S = 3600


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process whose time of day jumps, by what is in the file JUMP."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here, and a program's clock is set by a library in front of it")
    folder = tmp_path_factory.mktemp("clock")
    library = folder / "jumpingclock.so"
    source = Path(__file__).with_name("jumpingclock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    environment = {"LD_PRELOAD": str(library), "JUMP": str(folder / "jump")}
    (folder / "jump").write_text(str(HOUR_S * 24 * 365))
    told = subprocess.run(
        [sys.executable, "-c", "import datetime; print(datetime.datetime.now().year)"], check=True, text=True,
        env=os.environ | environment, capture_output=True,
    )  # fmt: skip
    assert int(told.stdout) > 2026  # the library works
    (folder / "jump").unlink()
    return environment


@pytest.fixture
def shop(clock: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    """Up with that clock: its supervisor and its fault proxy have it too."""
    for name, value in clock.items():
        monkeypatch.setenv(name, value)
    Path(clock["JUMP"]).unlink(missing_ok=True)
    with small() as up:
        yield up


@pytest.mark.parametrize("jump_s", [-HOUR_S, 24 * HOUR_S], ids=["an hour back", "a day on"])
def test_a_clock_that_is_set_changes_nothing(shop: Small, clock: dict[str, str], jump_s: int) -> None:
    """The fault stays as long as it should, its lease holds, it is reverted, and every time in the record is right."""
    run = shop.run("latency: {link: edge -> web, delay: 200ms, for: 4s}")
    shop.injected(run)
    Path(clock["JUMP"]).write_text(str(jump_s))
    code, said = shop.ended(run)
    assert code in (0, 1), said
    assert "the lease ran out" not in said
    assert shop.outside.broken() == []
    for fault in shop.judged()["faults"]:
        assert (fault["reverted"], fault["reverted_by"]) == (True, "runner")
        assert 2 < fault["on_s"] < 6
    assert shop.newest()["status"] == "completed"
