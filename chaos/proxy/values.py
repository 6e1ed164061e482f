"""What the fault proxy's client speaks in: a toxic, and the state of a proxy. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Stream = Literal["upstream", "downstream"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ToxicSpec:
    """One toxic. `stream` is `downstream` for what the upstream sends to the client; `toxicity` is a ratio.

    Attributes are whole numbers in Toxiproxy's units: ms (latency, jitter, delay of slow_close, timeout), µs (delay of
    slicer), KB/s of 1,000 bytes (rate), bytes.
    """

    name: str
    type: str
    stream: Stream = "downstream"
    toxicity: float = 1.0
    attributes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyState:
    """One proxy as the server shows it. Addresses are `host:port`."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[ToxicSpec, ...] = ()

    def toxic(self, name: str) -> ToxicSpec | None:
        return next((toxic for toxic in self.toxics if toxic.name == name), None)
