"""`kill`: a lost service."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared.lease import under
from chaos.faults.shared.service import Held, ServiceFault, stays_down
from chaos.model.fault import Evidence, Undo
from chaos.model.platform import Killable


class Kill(ServiceFault):
    """All processes of the service die by SIGKILL, and it stays down."""

    kind: ClassVar[str] = "kill"
    example: ClassVar[str] = "kill: {service: web, for: 30s}"

    def inject(self, undo: Undo, platform: Killable) -> None:
        Held.of(undo).reach().kill(undo.where, **under(undo.lease))

    def confirm(self, undo: Undo, platform: Killable) -> Evidence:
        """None of its processes is left, and the platform holds it down."""
        return stays_down(undo)
