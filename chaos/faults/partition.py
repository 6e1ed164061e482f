"""`partition`: a cut network."""

from __future__ import annotations

from typing import ClassVar, Literal

from chaos.faults.shared.link import LinkFault
from chaos.model.fault import ActsOn


class Partition(LinkFault):
    """Two groups of services cannot reach each other; `one-way`: only what the first group sends is lost."""

    kind: ClassVar[str] = "partition"
    acts_on: ClassVar[ActsOn] = "groups"
    example: ClassVar[str] = "partition: {between: [[web], [db, replica]], for: 20s}"

    direction: Literal["both", "one-way"] = "both"
