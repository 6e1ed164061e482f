"""This machine: Python and platform, the open-files limit, the clocks."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from chaos.preflight.finding import Finding, ok, problem, warning

OLDEST_PYTHON = (3, 11)
# A connection a customer, and some hundred for everything else: a sale's load has several hundred customers at once.
OPEN_FILES_LEAST, OPEN_FILES_GOOD = 256, 1024
# 2026-01-01 UTC, in Unix seconds: this program is younger, so a clock before that was never set.
YOUNGER_THAN_S = 1_767_225_600
# For so long both clocks are watched, and by so much they may differ: more than scheduling noise, less than a clock
# that was stepped.
WATCHED_S, MAY_DIFFER_S = 0.05, 0.5


def python() -> Finding:
    version = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        return problem("python", f"{version} is too old", "use Python 3.11 or newer")
    return ok("python", f"{version}, {sys.executable}")


def system() -> Finding:
    """The embedded platform needs Linux, with pidfd (5.3) and /proc."""
    name = f"{platform.system()} {platform.release()}, {os.cpu_count()} CPUs"
    if sys.platform != "linux":
        return problem("system", name, "the embedded platform needs Linux")
    try:
        os.close(os.pidfd_open(os.getpid()))
        Path("/proc/self/stat").read_bytes()
    except OSError as cause:
        return problem("system", f"{name}: {cause}", "the embedded platform needs Linux 5.3 or newer, with /proc")
    return ok("system", name)


def open_files() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = "no limit" if soft == resource.RLIM_INFINITY else f"{soft:,} at once"
    if soft == resource.RLIM_INFINITY or soft >= OPEN_FILES_GOOD:
        return ok("open files", text)
    make = problem if soft < OPEN_FILES_LEAST else warning
    return make("open files", f"only {text}", "raise it with: ulimit -n 4096")


def clock(
    monotonic: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Finding:
    """Monotonic time goes forward, the time of day goes with it, and was set once."""
    monotonic_s, wall_s = monotonic(), wall()
    sleep(WATCHED_S)
    passed_s, wall_passed_s = monotonic() - monotonic_s, wall() - wall_s
    remedy = "set this machine's clock, and wait until it is steady"
    if passed_s <= 0:
        return problem("clock", f"monotonic time does not go on ({passed_s:+.3f} s)", "no run can be timed here")
    if wall_s < YOUNGER_THAN_S:
        return problem("clock", f"it says {time.strftime('%Y-%m-%d', time.gmtime(wall_s))}, which is past", remedy)
    if abs(wall_passed_s - passed_s) > MAY_DIFFER_S:
        return problem("clock", f"it jumped by {wall_passed_s - passed_s:+.1f} s while it was looked at", remedy)
    return ok("clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(wall_s)))
