"""`duplicate`: packets that come twice."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared.netem import NetemFault, percent
from chaos.faults.shared.packets import Pings


class Duplicate(NetemFault):
    """So large a `ratio` of the packets that the service sends is sent twice (needs a kernel with netem)."""

    kind: ClassVar[str] = "duplicate"
    example: ClassVar[str] = "duplicate: {service: db, ratio: 10%, for: 30s}"

    def words(self) -> list[str]:
        return ["netem", "duplicate", percent(self.ratio)]

    def shown(self, found: Pings) -> tuple[int, str]:
        return found.duplicates, "came twice"
