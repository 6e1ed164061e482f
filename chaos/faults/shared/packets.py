"""What the faults on a service's packets have in common: how they are put there, and the pings that measure them."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from chaos.errors import Unavailable
from chaos.faults.shared.container import Contained, ContainerFault, Inside
from chaos.model.base import Noun, from_plain, to_plain
from chaos.model.platform import NetworkShaper, PacketMangler
from chaos.units import Ratio

Direction = Literal["both", "in", "out"]

# Of packets that a fault leaves alone, so many come back: a service that answers fewer is ill before.
ANSWERED_MIN = 0.9
BASELINE = 30
EVERY_MS = 2.0
# A share of lost packets below that takes more packets than a confirmation has time for.
RATIO_MIN = Ratio(0.02)
# Chance of a confirmation that goes wrong: each way less than 1 in 10,000 (normal tail).
SIGMAS = 4.0


class Pings(Noun):
    """What `ping` of chaos.agent counted."""

    sent: int
    answered: int
    duplicates: int = 0
    reordered: int = 0
    garbled: int = 0
    bytes_per_s: float = 0.0
    offered_per_s: float = 0.0

    def lost(self) -> int:
        return self.sent - self.answered


def ping(inside: Inside, count: int = BASELINE, *, every_ms: float = EVERY_MS, **more: Any) -> tuple[str, Pings]:
    """From where, and what came of it. Raises: Unavailable."""
    who, found = inside.beside("ping", count=count, every_ms=every_ms, **more)
    return who, from_plain(found, Pings)


def own_network(inside: Inside) -> None:
    """Raises: Unavailable when its packets are not its own: a rule there would be another's too, and would outlive the
    container."""
    if why := inside.call("namespace"):
        raise Unavailable(why)


def baseline(inside: Inside, count: int = BASELINE, **more: Any) -> dict[str, Any]:
    """Pings as they are now. Raises: Unavailable when the fault could not be told from that."""
    who, found = ping(inside, count, **more)
    if found.answered < ANSWERED_MIN * found.sent:
        raise Unavailable(
            f"{found.answered} of {found.sent} packets from {who} to it are answered as it is, so the fault could not "
            "be confirmed"
        )
    plain: dict[str, Any] = to_plain(found)
    return plain


def before(held: Contained) -> Pings:
    return from_plain(held.facts["before"], Pings)


def chosen(direction: Direction) -> tuple[str, ...]:
    """The chains of that direction, as seen from the service."""
    return ("in", "out") if direction == "both" else (direction,)


def ratio(value: Ratio) -> None:
    """The share of packets. Raises: ValueError."""
    if not RATIO_MIN <= value <= 1:
        raise ValueError(f"ratio is {value}; it must be between {RATIO_MIN} and 100%, so that it can be confirmed")


def packets_for(share: float) -> int:
    """So many that a share of them can be told from none, and from twice as many: 30 are to be hit, 60 to be sent."""
    return min(1000, max(60, math.ceil(30 / share)))


def fits(hit: int, total: int, share: float) -> bool:
    """Is that what chance makes of so many, each hit with that probability? The rule of SIGMAS, and one packet."""
    return abs(hit - total * share) <= SIGMAS * math.sqrt(total * share * (1 - share)) + 1


class RuleFault(ContainerFault):
    """Rules of nft in a table of the fault's own, in the service's own network."""

    needs: ClassVar[type] = NetworkShaper

    def chains(self, held: Contained) -> dict[str, list[str]]:
        """The rules for what comes in and what goes out."""
        raise NotImplementedError

    def disturb(self, inside: Inside, held: Contained) -> None:
        inside.call("rules", action="put", table=held.mark, chains=self.chains(held))

    @staticmethod
    def met(inside: Inside, held: Contained) -> int:
        """How many packets the rules have met: a neighbour that hears nothing may be cut off itself."""
        return int(inside.call("rules", action="counted", table=held.mark))

    @classmethod
    def take_back(cls, inside: Inside, held: Contained) -> bool:
        return bool(inside.call("rules", action="remove", table=held.mark))

    @classmethod
    def is_there(cls, inside: Inside, held: Contained) -> bool:
        return bool(inside.call("rules", action="there", table=held.mark))


class QueueFault(ContainerFault):
    """A root queue of tc's on each of the service's network devices: it acts on what the service sends."""

    needs: ClassVar[type] = PacketMangler

    def words(self) -> list[str]:
        """The queue, as tc is told."""
        raise NotImplementedError

    def check_queues(self, inside: Inside, mark: str) -> None:
        """Raises: Unavailable when somebody else's queue is there: it would be lost."""
        found = inside.call("queue", action="others", handle=handle(mark))
        if found:
            raise Unavailable(f"its device {found[0]} has a queue of somebody else's already (tc qdisc)")

    def disturb(self, inside: Inside, held: Contained) -> None:
        inside.call("queue", action="put", handle=handle(held.mark), words=self.words())

    @classmethod
    def take_back(cls, inside: Inside, held: Contained) -> bool:
        return bool(inside.call("queue", action="remove", handle=handle(held.mark)))

    @classmethod
    def is_there(cls, inside: Inside, held: Contained) -> bool:
        return bool(inside.call("queue", action="there", handle=handle(held.mark)))


def handle(mark: str) -> str:
    """tc's name for a queue, a number of sixteen bits, neither 0 nor ffff: `saleproof_3fa94c` has the queue `3faa:`."""
    return f"{int(mark.removeprefix('saleproof_')[:4], 16) % 0xFFFD + 1:x}:"
