"""One iteration: a run, a kill at some moment, and how long it takes until everything is as before."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from .draw import Draw
from .ground import Ground
from .outside import alive, kill
from .record import Record

# A run that was not killed ends by itself within this, and so does every clean-up; nothing may take longer.
PATIENCE_S = 60.0


@dataclass
class Result:
    """What was seen. `left` and `damaged` are what must not be. `reverted_s` is from the runner's death, or else the
    watchdog's, and None where nothing was in place then, or nobody died who has anything to do with reverting."""

    killed: list[str] = field(default_factory=list)
    in_place: bool = False
    reverted_s: float | None = None
    left: list[str] = field(default_factory=list)  # or came back after all had been well
    damaged: list[str] = field(default_factory=list)
    last: list[str] = field(default_factory=list)  # what was the last to go
    recovered: bool = False
    status: str = ""
    by: list[str] = field(default_factory=list)  # who the record says has reverted


def torture(ground: Ground, drawn: Draw, record: Record) -> Result:
    """Kill as drawn, wait until all is quiet, and look at what is left."""
    result = Result(left=[f"late, of the run before: {line}" for line in ground.outside.broken()])
    began_s = time.monotonic()
    with (ground.folder / "said.txt").open("wb") as said:
        run = ground.start(ground.words("run", str(ground.folder / f"{drawn.fault}.yaml")), said)
        try:
            _wait(ground, drawn, run, began_s)
            killed_s = _kill(ground, drawn, run, result)
            recover = None
            if "runner" in result.killed and "watchdog" in result.killed:
                result.recovered = True
                recover = ground.start([sys.executable, "-m", "chaos", "recover"], said)
            # A surge ends with its customers, who are gone when the runner is; a living runner lets them finish.
            surge = drawn.fault == "surge" and "runner" in result.killed
            gone_s = _until_quiet(ground, run, recover, surge, result)
        finally:
            run.kill()
            run.wait()
    outside = ground.outside
    result.left += [*outside.broken(), *outside.frozen(), *(f"ledger: {name}" for name in outside.ledger())]
    if recover is not None and recover.returncode != 0:
        result.left.append(f"recover exited with {recover.returncode}")
    result.left += [f"{program} {pid} runs on" for pid, program, _ in outside.processes()]
    # Without its agent a run goes on, and a surge of a living runner ends with its customers.
    goes_on = result.killed == ["agent"] or (drawn.fault == "surge" and "runner" not in result.killed)
    if result.in_place and not result.left and not goes_on:
        result.reverted_s = max(0.0, gone_s - killed_s)
    result.damaged = outside.damage()
    result.status, result.by, more = record.of_the_newest(seen=result.in_place, killed=result.killed)
    result.damaged += more
    return result


def _wait(ground: Ground, drawn: Draw, run: subprocess.Popen[bytes], began_s: float) -> None:
    """Until the drawn moment, or the run's end."""
    from_s = began_s
    if drawn.moment != "run":
        while run.poll() is None and not ground.outside.ledger():
            time.sleep(0.002)
        from_s = time.monotonic()
    while run.poll() is None and time.monotonic() < from_s + drawn.after_s:
        time.sleep(min(0.05, max(0.0, from_s + drawn.after_s - time.monotonic())))


def _kill(ground: Ground, drawn: Draw, run: subprocess.Popen[bytes], result: Result) -> float:
    """When the runner was killed, or else who was killed last. Who is not there any more, or not yet, is not killed."""
    watchdogs = [pid for pid, program, _ in ground.outside.processes() if program == "watchdog"]
    surges = drawn.fault == "surge" and bool(ground.outside.ledger())
    result.in_place = surges or bool(ground.outside.broken())
    killed_s = time.monotonic()
    for position, victim in enumerate(drawn.victims.split(", ")):
        if position:
            time.sleep(drawn.gap_s)
        pids = {"runner": [run.pid], "watchdog": watchdogs, "agent": []}[victim]
        # Our own child is a zombie until it is waited for: to kill it then is nothing.
        if [pid for pid in pids if alive(pid) and kill(pid)] or (victim == "agent" and ground.kill_agent()):
            if "runner" not in result.killed:
                killed_s = time.monotonic()
            result.killed.append(victim)
    return killed_s


def _until_quiet(
    ground: Ground, run: subprocess.Popen[bytes], recover: subprocess.Popen[bytes] | None, surge: bool, result: Result
) -> float:
    """Until run, watchdog, generator and recover are gone. Returns when the last thing was seen to be repaired."""
    until_s = time.monotonic() + PATIENCE_S
    gone_s: float | None = None
    while time.monotonic() < until_s:
        if broken := ground.outside.broken() or (["customers"] if surge and ground.outside.surging() else []):
            gone_s, result.last = None, broken
        elif gone_s is None:
            gone_s = time.monotonic()
        ended = run.poll() is not None and (recover is None or recover.poll() is not None)
        quiet = gone_s is not None and time.monotonic() >= gone_s + ground.quiet_s
        if ended and quiet and not ground.outside.processes():
            break
        time.sleep(ground.look_every_s)
    return gone_s or time.monotonic()


def plain(result: Result) -> dict[str, Any]:
    return dict(vars(result))
