"""What the three faults of netem share in their tests: the words for tc, and how counted packets read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaos.faults.shared.container import Contained, Inside
from chaos.faults.shared.netem import NetemFault
from chaos.model.fault import Evidence
from chaos.model.platform import Instance
from chaos.units import Ratio


class Counted:
    """A neighbour whose packets came out like that."""

    def __init__(self, **counts: int) -> None:
        self.counts = counts

    def beside(self, name: str, verb: str, /, **arguments: Any) -> tuple[str, Mapping[str, Any]]:
        assert (name, verb) == ("db", "ping")
        sent = arguments["count"]
        return "web", {"sent": sent, "answered": sent} | self.counts


def judged(kind: type[NetemFault], ratio: float = 0.1, **counts: int) -> Evidence:
    """What the fault makes of such counts, out of 300 packets where a tenth is intended."""
    fault = kind(ratio=Ratio(ratio))
    instance = Instance(name="db", service="db", state="running", life="x")
    held = Contained(control={}, before=instance, mark="saleproof_0", facts={"before": {"sent": 30, "answered": 30}})
    control: Any = Counted(**counts)
    return fault.judge(Inside(control=control, where="db", life="x"), held)
