"""`keep`: the agent's own main process. It waits to be asked."""

from __future__ import annotations

import signal


def run() -> None:
    """Until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.pause()
