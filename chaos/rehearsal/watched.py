"""What the guard watches besides the conditions: the processes without which nobody measures or cleans up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaos.engine.watchdog import Watchdog
    from chaos.load.elsewhere import Running


def watched(watchdog: Watchdog, traffic: Running | None) -> dict[str, Callable[[], bool]]:
    """For `Guard`: a name and a test for each. That the generator's process has died is told by the traffic itself."""
    found = {"the watchdog": watchdog.alive}
    if traffic is not None:
        found["the load generator"] = Twice(lambda: not traffic.silent)
    return found


class Twice:
    """True until the test has failed two times in a row: a runner that was stopped for a while finds everybody silent
    before its own threads have read what was said meanwhile."""

    def __init__(self, test: Callable[[], bool]) -> None:
        self._test = test
        self._failed = False

    def __call__(self) -> bool:
        before, self._failed = self._failed, not self._test()
        return not (before and self._failed)
