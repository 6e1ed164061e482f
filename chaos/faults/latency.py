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

# Round trips to measure the delay with. What is short is measured by one at a time, which needs to be alone; what is
# long, by several at once, in as many rounds as fit into a second.
BASELINE, ROUND_TRIPS = 8, 24
PATIENCE_S = 1.0


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
        from chaos.proxy.measure import ALONE_MS, AT_ONCE

        if self.spread() < 1:
            return LinkFault.connections(self)
        longest_s = float(self.delay) + float(self.jitter)
        at_once = AT_ONCE if self.delay.ms >= ALONE_MS else 1
        return max(AT_ONCE, min(ROUND_TRIPS, at_once * int(PATIENCE_S / longest_s)))

    def baseline(self) -> int:
        return BASELINE if self.spread() >= 1 else LinkFault.baseline(self)

    def evidence(self, found: Confirmation) -> Evidence:
        if self.spread() < 1:
            return Evidence(
                confirmed=True,
                text=f"{found.bitten} of {found.total} round trips were slower by most of {self.delay}",
                measured=found.bitten / found.total,
                intended=float(self.toxicity),
                unit="ratio",
            )
        jitter = f" ± {self.jitter.ms:g} ms" if self.jitter else ""
        return Evidence(
            confirmed=True,
            text=f"{found.later()} of {self.delay.ms:g} ms{jitter}, {found.total} round trips",
            measured=found.shift,
            intended=self.delay.ms,
            unit="ms",
            low=found.low,
            high=found.high,
            samples=found.total,
        )
