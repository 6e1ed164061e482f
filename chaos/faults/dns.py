"""`dns`: names that nobody resolves."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.errors import Unavailable
from chaos.faults.shared.container import Contained, Inside
from chaos.faults.shared.packets import RuleFault, own_network
from chaos.model.fault import Evidence

# Docker's own name server, on each container's loopback. The port behind it is another one in every container, and
# Docker's own rules lead there from 53; so all that goes to that address is dropped, whatever its port became.
DOCKER = "127.0.0.11"
LOOKUPS = 3
ANSWER_S = 0.4
BASELINE_S = 2.0


class Dns(RuleFault):
    """The service's own lookups of names get no answer; connections that are open stay so."""

    kind: ClassVar[str] = "dns"
    example: ClassVar[str] = "dns: {service: web, for: 30s}"

    def look(self, inside: Inside, mark: str) -> dict[str, Any]:
        own_network(inside)
        found = _ask(inside, BASELINE_S, count=1)
        if not found["answered"]:
            raise Unavailable("its lookups get no answer as it is, so the fault could not be confirmed")
        return {"before": found}

    def chains(self, held: Contained) -> dict[str, list[str]]:
        """Dropped on arrival, never when sent: a sender would be told, and not left waiting."""
        rules = [f'iifname "lo" ip daddr {DOCKER} counter drop']
        local = [one for one in held.facts["before"]["servers"] if one.startswith("127.") and one != DOCKER]
        rules += [f'iifname "lo" ip daddr {one} meta l4proto {{ tcp, udp }} th dport 53 counter drop' for one in local]
        return {"in": [*rules, 'iifname != "lo" meta l4proto { tcp, udp } th sport 53 counter drop']}

    def judge(self, inside: Inside, held: Contained) -> Evidence:
        """By lookups where the service makes its own."""
        found = _ask(inside, ANSWER_S, count=LOOKUPS)
        return Evidence(
            confirmed=found["answered"] == 0,
            text=f"{found['answered']} of {found['asked']} lookups answered within {ANSWER_S:g} s "
            f"(before: in {held.facts['before']['slowest_ms']:.1f} ms)",
            measured=1 - found["answered"] / found["asked"],
            intended=1.0,
            unit="ratio",
        )


def _ask(inside: Inside, timeout_s: float, *, count: int) -> dict[str, Any]:
    """For its own name, which Docker knows by itself."""
    found: dict[str, Any] = inside.call("lookup", name=inside.where, count=count, timeout_s=timeout_s)
    return found
