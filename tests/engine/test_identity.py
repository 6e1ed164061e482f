"""A run's process, told apart from whoever has its pid later."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from chaos.engine.identity import Runner, alive
from chaos.engine.ledger import Entry, Ledger
from chaos.faults.shared import process
from chaos.model.fault import Undo
from chaos.proc import boot_id


def mine() -> Runner:
    found = Runner.mine()
    assert found is not None
    return found


def test_this_process_is_alive() -> None:
    assert mine().pid == os.getpid()
    assert mine().alive()


@pytest.mark.parametrize("other", [{"start_ticks": 1}, {"boot": "another boot"}, {"pid": 2**22 + 1}])
def test_a_pid_that_is_another_s_by_now_is_no_run(other: dict[str, object]) -> None:
    """Another start time, another boot, or no process at all: `recover` does not wait for that one."""
    assert not msgspec.structs.replace(mine(), **other).alive()


def test_an_ended_process_is_not_alive() -> None:
    """Nor while it is a zombie, which nobody has waited for."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = process.identify(child.pid)
        assert found is not None
        runner = Runner(pid=found.pid, start_ticks=found.start_ticks, boot=boot_id())
        assert runner.alive()
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not runner.alive()


def test_an_entry_of_an_older_version_goes_by_its_pid(tmp_path: Path) -> None:
    """It has no more than that: a process of ours counts as its run, any other one does not."""
    old = Entry(run="r", fault="1.1", place="web", target="shop", undo=Undo(kind="kill", where="web", data={}), pid=1)
    Ledger(tmp_path).open(old)
    plain = (tmp_path / old.file_name).read_text().replace(',"runner":null', "")
    (tmp_path / old.file_name).write_text(plain)
    (entry,) = Ledger(tmp_path).entries()
    assert (entry.runner, entry.alive) == (None, False)
    assert alive(mine(), 1)
