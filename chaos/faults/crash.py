"""`crash`: a service that dies."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared.lease import under
from chaos.faults.shared.service import Held, ServiceFault, ended
from chaos.model.fault import Evidence, Undo
from chaos.model.platform import Killable


class Crash(ServiceFault):
    """The main process dies by SIGKILL; the service's restart policy may act."""

    kind: ClassVar[str] = "crash"
    lasts: ClassVar[bool] = False
    example: ClassVar[str] = "crash: {service: web, for: 20s}"

    def inject(self, undo: Undo, platform: Killable) -> None:
        Held.of(undo).reach().crash(undo.where, **under(undo.lease))

    def confirm(self, undo: Undo, platform: Killable) -> Evidence:
        """The process of before has ended, whether or not there is a new one."""
        held = Held.of(undo)
        now = held.reach().instance(undo.where)
        if not ended(held, now):
            return Evidence(confirmed=False, text=f"{held.name} still runs")
        after = f"running again{f' as {now.pid}' if now.pid else ''}" if now.state == "running" else f"now {now.state}"
        return Evidence(confirmed=True, text=f"{held.name} died, {after}")
