"""Faults in our own parts: for each, what the user sees, that the fault is gone, and that the record says it.

A killed or hung fault proxy, a killed runner or watchdog, and SIGHUP are in test_safety.py, a runner that stands still
in test_lease.py. docs/reliability.md has the table of all.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from .small import Small, marked, small, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture
def shop() -> Iterator[Small]:
    with small() as up:
        yield up


def test_a_killed_supervisor_is_replaced_and_the_fault_reverted(shop: Small) -> None:
    """The next call to it starts another one, which knows what shall run: the services that a fault holds down too."""
    run = shop.run("kill: {service: web, for: 5s}")
    until(lambda: len(shop.outside.broken()) == 2)
    time.sleep(0.5)  # killed while it injects, it would be a fault that could not be injected: exit 2
    (pid,) = shop.processes("embedded.supervisor")
    os.kill(pid, signal.SIGKILL)
    code, said = shop.ended(run)
    assert shop.outside.broken() == []
    assert code in (0, 1), said  # the shop's verdict: our own part is not the customers' matter
    assert [fault["reverted_by"] for fault in shop.judged()["faults"]] == ["runner", "runner"]
    assert shop.processes("embedded.supervisor") != [pid]


def test_up_and_down_say_what_a_dead_run_left(shop: Small) -> None:
    """Neither reverts, and both say what does; `up` does not call ready what is paused."""
    run = shop.run("pause: {service: web-1, for: 30s}")
    shop.injected(run)
    for pid in (*shop.processes("rehearsal.watchdog"), run.pid):
        os.kill(pid, signal.SIGKILL)
    run.communicate(timeout=10)
    up, down = shop.saleproof("up"), shop.saleproof("down")
    assert (up.returncode, down.returncode) == (0, 0), up.stderr + down.stderr
    for said in (up.stderr, down.stderr):
        assert "may still be in place; revert them with: saleproof recover" in said
    assert "all but web-1 (paused) is ready" in up.stderr
    assert shop.saleproof("recover").returncode == 0
    again = shop.saleproof("up")
    assert "everything is ready" in again.stderr
    assert "recover" not in again.stderr


def test_down_forgets_what_a_dead_run_had_brought_up(shop: Small) -> None:
    """Its note of the target, which may hold secrets, goes with the target: nobody is left to take it down by that."""
    assert shop.saleproof("down").returncode == 0
    run = shop.run("pause: {service: web-1, for: 30s}")
    until(lambda: list(shop.state.glob("ledger/*.json")))
    for pid in (*shop.processes("rehearsal.watchdog"), run.pid):
        os.kill(pid, signal.SIGKILL)
    run.communicate(timeout=10)
    assert shop.saleproof("recover").returncode == 0
    assert len(list(shop.state.glob("down/*.json"))) == 1
    assert shop.saleproof("down").returncode == 0
    assert list(shop.state.glob("down/*.json")) == []


def test_a_killed_load_generator_ends_the_run(shop: Small) -> None:
    """Exit 2: nobody measured, so nothing was shown."""
    run = shop.run()
    shop.injected(run)
    for pid in shop.processes("chaos.load.generator"):
        os.kill(pid, signal.SIGKILL)
    until(lambda: shop.outside.broken() == [], within_s=2)
    code, said = shop.ended(run)
    assert (code, shop.newest()["status"]) == (2, "aborted"), said
    assert "the load generator ended: signal 9" in said
    assert "the load generator ended: signal 9" in " ".join(shop.events().split())


def test_a_load_generator_that_hangs_ends_the_run(shop: Small) -> None:
    """As one that died: whoever does not hear from it for 5 s measures nothing."""
    run = shop.run("latency: {link: edge -> web, delay: 200ms, for: 30s}")
    shop.injected(run)
    (pid,) = shop.processes("chaos.load.generator")
    os.kill(pid, signal.SIGSTOP)
    until(lambda: shop.outside.broken() == [], within_s=12)
    code, said = shop.ended(run)
    assert code == 2, said
    assert "the load generator: it is gone, or hangs" in said
    assert "the load generator" in shop.events()


def test_a_service_that_never_comes_back_is_exit_3(shop: Small) -> None:
    """What is left and how to go on is said; `run` refuses until `recover` has found it well."""
    run = shop.run("kill: {service: web-1, for: 4s}")
    shop.injected(run)
    program = shop.program
    program.rename(program.with_suffix(".away"))
    code, said = shop.ended(run, within_s=100)
    assert code == 3, said
    assert "web-1" in said
    assert "saleproof recover" in said
    assert shop.newest()["exit"] == 3
    refused = shop.saleproof("run", shop.experiment("latency: {link: edge -> web, delay: 200ms, for: 2s}"))
    assert (refused.returncode, "saleproof recover" in refused.stderr) == (75, True)
    program.with_suffix(".away").rename(program)
    # Both go on trying: the watchdog, which the run has left behind for it, and `recover`.
    until(lambda: shop.command("recover").returncode == 0, within_s=60)
    assert shop.outside.broken() == []
    (fault,) = shop.judged()["faults"]
    assert fault["reverted_by"] in ("watchdog", "recover")


def test_a_command_that_its_dead_runner_left_half_way_does_not_finish(shop: Small) -> None:
    """The runner is killed while the fault's own program still works at it: what was undone is not done afterwards."""
    file = shop.outside.file
    slow = f'[python3, -c, \'import time; time.sleep(2.5); open("{file}", "w")\']'
    run = shop.run(f"command: {{run: {slow}, undo: [rm, -f, '{file}'], check: [test, -e, '{file}'], for: 20s}}")
    (pid,) = until(lambda: [pid for pid in marked_command() if run.poll() is None])
    run.kill()
    run.communicate(timeout=10)
    until(lambda: shop.outside.ledger() == [] and not shop.processes("rehearsal.watchdog"), within_s=10)
    assert pid not in marked_command()
    time.sleep(3)
    assert not file.exists()
    assert [fault["reverted_by"] for fault in shop.judged()["faults"]] == ["watchdog"]


def marked_command() -> list[int]:
    return marked("SALEPROOF_COMMAND=", "time.sleep(2.5)")


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_does_not_disturb_the_revert(shop: Small, second: signal.Signals) -> None:
    """Exit 130, everything gone; what comes in the middle of a revert is heard and changes nothing."""
    undo = "[python3, -c, 'import os, time; time.sleep(1.5); os.unlink(\"FILE\")']".replace(
        "FILE", str(shop.outside.file)
    )
    run = shop.run(
        f"command: {{run: [touch, '{shop.outside.file}'], undo: {undo}, check: [test, -e, '{shop.outside.file}'], "
        "for: 20s}"
    )
    shop.injected(run)
    run.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert shop.outside.file.exists()  # the revert is under way
    for _ in range(3):
        run.send_signal(second)
        time.sleep(0.1)
    code, said = shop.ended(run)
    assert code == 130, said
    assert not shop.outside.file.exists()
    assert shop.newest()["status"] == "interrupted"
    assert "SIGINT received" in " ".join(shop.events().split())


def test_a_signal_while_the_invariants_are_checked_ends_the_run(shop: Small) -> None:
    """Exit 130: nobody waits for what may take a minute, and what was not given its time is not called violated."""
    looked, program, target = shop.folder / "looked", shop.folder / "never.py", shop.folder / "target.yaml"
    answer = '{"ok": false, "violations": ["not yet"]}'
    program.write_text(f"import pathlib\npathlib.Path({str(looked)!r}).touch()\nprint({answer!r})\n")
    before = target.read_text()
    target.write_text(f"{before}\ninvariants:\n  never: {{command: [python3, '{program}'], within: 60s}}\n")
    try:
        run = shop.run("placebo: {for: 1s}")
        until(looked.exists, within_s=60)
        run.send_signal(signal.SIGINT)
        code, said = shop.ended(run, within_s=30)
    finally:
        target.write_text(before)
    assert code == 130, said
    assert shop.newest()["status"] == "interrupted"
    (invariant,) = shop.judged()["invariants"]
    assert invariant["outcome"] == "inconclusive", invariant


def test_a_slow_control_call_only_takes_longer(shop: Small) -> None:
    """The fault proxy answers nothing for 4 s, just when its fault is to be reverted: 130 all the same."""
    run = shop.run("latency: {link: edge -> web, delay: 200ms, for: 30s}")
    shop.injected(run)
    (pid,) = shop.processes("chaos.proxy.server")
    os.kill(pid, signal.SIGSTOP)
    try:
        run.send_signal(signal.SIGTERM)
        time.sleep(4)
    finally:
        os.kill(pid, signal.SIGCONT)
    code, said = shop.ended(run)
    assert code == 130, said
    assert shop.outside.broken() == []


def test_a_terminal_that_goes_away_reverts(shop: Small) -> None:
    """The window is closed: SIGHUP comes, and whatever is written to the terminal fails from then on."""
    master, slave = os.openpty()
    run = shop.run(env={"TERM": "xterm"}, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    shop.injected(run)
    os.close(master)
    run.send_signal(signal.SIGHUP)  # what the kernel sends to a session whose terminal is gone
    # Nobody sees it, and it is no crash of ours: 130 when all could be said in time, else 128 + SIGHUP.
    assert run.wait(timeout=30) in (129, 130)
    assert shop.outside.broken() == []
    newest = shop.newest()
    assert (newest["status"], newest["exit"]) == ("interrupted", 130)


def test_nobody_who_reads_is_no_harm(shop: Small) -> None:
    """`saleproof run 2>&1 | head`: the reader is gone, the run goes on to its end and its record is whole."""
    run = shop.run("latency: {link: edge -> web, delay: 200ms, for: 3s}")
    shop.injected(run)
    assert run.stdout is not None
    assert run.stderr is not None
    run.stdout.close()
    run.stderr.close()
    run.wait(timeout=60)
    assert shop.outside.broken() == []
    assert shop.newest()["status"] == "completed"
