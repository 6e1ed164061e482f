"""`pause`: a service that hangs."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared.service import ServiceFault


class Pause(ServiceFault):
    """All processes of the service are frozen: it accepts connections and never answers."""

    kind: ClassVar[str] = "pause"
    example: ClassVar[str] = "pause: {service: db, for: 10s}"
