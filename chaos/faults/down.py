"""`down`: a link that refuses."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared.link import LinkFault


class Down(LinkFault):
    """Connections are refused and open ones are closed, as if nothing listened at the other end."""

    kind: ClassVar[str] = "down"
    example: ClassVar[str] = "down: {link: web -> cache, for: 30s}"
