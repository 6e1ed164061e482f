"""`stop`: a service that is taken out."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared.lease import under
from chaos.faults.shared.service import Held, ServiceFault, stays_down
from chaos.model.fault import Evidence, Undo
from chaos.model.platform import Killable


class Stop(ServiceFault):
    """The service is asked to end (SIGTERM), and stays down."""

    kind: ClassVar[str] = "stop"
    example: ClassVar[str] = "stop: {service: cache, for: 30s}"

    def inject(self, undo: Undo, platform: Killable) -> None:
        Held.of(undo).reach().stop(undo.where, **under(undo.lease))

    def confirm(self, undo: Undo, platform: Killable) -> Evidence:
        """None of its processes is left, and the platform holds it down."""
        return stays_down(undo)
