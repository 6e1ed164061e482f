"""`netem`: does the kernel here have it?"""

from __future__ import annotations

import subprocess


def run(*, pid: int = 0, container: str = "") -> bool:
    """Tried for a moment on the agent's own loopback, where nothing runs, whichever container it is for."""
    words = ["dev", "lo", "root", "netem", "delay", "0ms"]
    done = subprocess.run(["tc", "qdisc", "add", *words], capture_output=True, text=True, timeout=10, check=False)
    if done.returncode == 0:
        subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], capture_output=True, timeout=10, check=False)
    # Somebody else tries it at the same time.
    return done.returncode == 0 or "File exists" in done.stderr
