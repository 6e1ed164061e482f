"""Who holds a target, as another process sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.engine.lock import TargetLock, holders
from chaos.errors import Refused, SaleproofError


def test_a_holder_is_seen_while_it_holds(tmp_path: Path) -> None:
    """With its run and its target, and not any more afterwards."""
    with TargetLock(tmp_path, "shop", "run 7"):
        (holder,) = holders(tmp_path)
        assert (holder.run, holder.target) == ("7", "shop")
        with pytest.raises(Refused, match="run 7"), TargetLock(tmp_path, "shop", "run 8"):
            pass
    assert holders(tmp_path) == ()


def test_looking_disturbs_nobody(tmp_path: Path) -> None:
    """A lock that was looked at can be taken at once."""
    with TargetLock(tmp_path, "shop", "saleproof down"):
        assert [h.run for h in holders(tmp_path)] == [""]
    with TargetLock(tmp_path, "shop", "run 8"):
        assert [h.run for h in holders(tmp_path)] == ["8"]


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """Its name is still in the file; the lock went with it."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom chaos.engine.lock import TargetLock\n"
        "TargetLock(Path(sys.argv[1]), 'shop', 'run 7').__enter__()\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=60)
    assert json.loads((tmp_path / "shop.lock").read_text())["by"] == "run 7"
    assert holders(tmp_path) == ()


def test_a_reused_pid_is_not_the_holder(tmp_path: Path) -> None:
    """A process of that number lives, and does not hold the lock."""
    import os

    about = {"by": "run 7", "pid": os.getpid(), "since": "2026-01-01T00:00:00+00:00"}
    (tmp_path / "shop.lock").write_text(json.dumps(about))
    assert holders(tmp_path) == ()


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert holders(tmp_path / "locks") == ()


def test_a_target_can_be_taken_down_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking it down makes room, so that its name cannot be written does not keep it from its lock. A run does not
    begin: `halt` could not find it."""
    import os

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "pwrite", full)
        with pytest.raises(SaleproofError, match="No space left"), TargetLock(tmp_path, "shop", "run 7"):
            pass
        with (
            TargetLock(tmp_path, "shop", "saleproof down"),
            pytest.raises(Refused, match="another process"),
            TargetLock(tmp_path, "shop", "run 8"),
        ):
            pass
