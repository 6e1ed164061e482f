"""`latency`: a slow link."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.link import LinkFault, name
from chaos.model.fault import Evidence
from chaos.proxy.values import Stream, ToxicSpec
from chaos.units import Duration, Ratio

if TYPE_CHECKING:
    from chaos.proxy.confirm import Confirmation

PATIENCE = Duration(0.4)
CONNECTIONS_AT_ONCE = 6


class Latency(LinkFault):
    """Everything that crosses the link arrives later by `delay`, give or take `jitter`."""

    kind: ClassVar[str] = "latency"
    example: ClassVar[str] = "latency: {link: web -> db, delay: 300ms, jitter: 50ms, for: 60s}"

    delay: Duration  # so much later
    jitter: Duration = Duration(0)  # give or take so much, drawn anew for each piece of data
    toxicity: Ratio = Ratio(1)  # the share of connections that it meets
    stream: Stream = "downstream"  # which way: upstream is from the one that dials, downstream the way back

    def __post_init__(self) -> None:
        limits.delay("delay", self.delay)
        if self.jitter < 0 or self.jitter > self.delay:
            raise ValueError(f"jitter is {self.jitter}; it must not be more than the delay, {self.delay}")
        limits.toxicity(self.toxicity)

    def toxics(self, where: str) -> tuple[ToxicSpec, ...]:
        return (
            ToxicSpec(
                name=name(self.kind),
                type="latency",
                stream=self.stream,
                toxicity=float(self.toxicity),
                attributes={"latency": round(self.delay.ms), "jitter": round(self.jitter.ms)},
            ),
        )

    def spread(self) -> float:
        # With a jitter that big many a connection is hardly slower, and one that is must be enough.
        return min(float(self.toxicity), 0.5) if self.jitter > self.delay / 2 else float(self.toxicity)

    def connections(self) -> int:
        # One after the other, or, when that would take too long, more of them at once.
        return CONNECTIONS_AT_ONCE if self.spread() >= 1 and self.delay > PATIENCE else LinkFault.connections(self)

    def evidence(self, found: Confirmation) -> Evidence:
        if self.spread() < 1:
            return Evidence(
                confirmed=True,
                text=f"{found.bitten} of {found.total} round trips were slower by most of {self.delay}",
                measured=found.bitten / found.total,
                intended=float(self.toxicity),
                unit="ratio",
            )
        shift_ms = (found.during or 0.0) - (found.before or 0.0)
        return Evidence(
            confirmed=True,
            text=f"+{shift_ms:.0f} ms of {self.delay.ms:.0f} ms",
            measured=shift_ms,
            intended=self.delay.ms,
            unit="ms",
        )
