"""`crash`: a service that dies."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared.service import ServiceFault


class Crash(ServiceFault):
    """The main process dies by SIGKILL; the service's restart policy may act."""

    kind: ClassVar[str] = "crash"
    example: ClassVar[str] = "crash: {service: web, for: 20s}"
