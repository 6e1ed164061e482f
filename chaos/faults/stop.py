"""`stop`: a service that is taken out."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared.service import ServiceFault


class Stop(ServiceFault):
    """The service is asked to end (SIGTERM), and stays down."""

    kind: ClassVar[str] = "stop"
    example: ClassVar[str] = "stop: {service: cache, for: 30s}"
