"""`restart`: a service that is started anew."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared.service import ServiceFault


class Restart(ServiceFault):
    """The service is stopped and started again."""

    kind: ClassVar[str] = "restart"
    example: ClassVar[str] = "restart: {service: web, for: 15s}"
