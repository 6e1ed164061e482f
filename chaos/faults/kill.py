"""`kill`: a lost service."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared.service import ServiceFault


class Kill(ServiceFault):
    """All processes of the service die by SIGKILL, and it stays down."""

    kind: ClassVar[str] = "kill"
    example: ClassVar[str] = "kill: {service: web, for: 30s}"
