"""`corrupt`: packets that are damaged on their way."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared.netem import NetemFault, percent
from chaos.faults.shared.packets import Pings


class Corrupt(NetemFault):
    """In so large a `ratio` of the packets that the service sends one bit is wrong (needs a kernel with netem)."""

    kind: ClassVar[str] = "corrupt"
    example: ClassVar[str] = "corrupt: {service: db, ratio: 5%, for: 30s}"

    def words(self) -> list[str]:
        return ["netem", "corrupt", percent(self.ratio)]

    def shown(self, found: Pings) -> tuple[int, str]:
        # One whose header is damaged is thrown away before anybody sees it.
        return found.lost(), f"damaged ({found.garbled}) or thrown away on the way"
