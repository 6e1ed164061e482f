"""`restart`: a service that is started anew."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared.lease import under
from chaos.faults.shared.service import Held, ServiceFault, ended
from chaos.model.fault import Evidence, Undo
from chaos.model.platform import Killable


class Restart(ServiceFault):
    """The service is stopped and started again."""

    kind: ClassVar[str] = "restart"
    lasts: ClassVar[bool] = False
    example: ClassVar[str] = "restart: {service: web, for: 15s}"

    def inject(self, undo: Undo, platform: Killable) -> None:
        Held.of(undo).reach().restart(undo.where, **under(undo.lease))

    def confirm(self, undo: Undo, platform: Killable) -> Evidence:
        """Another process runs in the place of the one before."""
        held = Held.of(undo)
        now = held.reach().instance(undo.where)
        if not ended(held, now):
            return Evidence(confirmed=False, text=f"{held.name} still runs")
        if now.state != "running":
            return Evidence(confirmed=False, text=f"{held.name} ended, but {undo.where} is {now.state}")
        return Evidence(confirmed=True, text=f"{held.name} ended, {now.pid or 'another'} runs in its place")
