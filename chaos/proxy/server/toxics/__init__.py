"""The registry of toxics. A new one is a file here and a line below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chaos.proxy.server.stage import Attributes, Stage
from chaos.proxy.server.toxics.bandwidth import Bandwidth, BandwidthStage
from chaos.proxy.server.toxics.latency import Latency, LatencyStage
from chaos.proxy.server.toxics.limit_data import LimitData, LimitDataStage
from chaos.proxy.server.toxics.noop import Noop, NoopStage
from chaos.proxy.server.toxics.reset_peer import ResetPeer, ResetPeerStage
from chaos.proxy.server.toxics.slicer import Slicer, SlicerStage
from chaos.proxy.server.toxics.slow_close import SlowClose, SlowCloseStage
from chaos.proxy.server.toxics.timeout import Timeout, TimeoutStage


@dataclass(frozen=True, slots=True)
class ToxicType:
    """A type of toxic: its attributes, all with defaults, and what it does to a link."""

    attributes: type[Attributes]
    stage: type[Stage[Any]]


TOXICS: dict[str, ToxicType] = {
    "bandwidth": ToxicType(Bandwidth, BandwidthStage),
    "latency": ToxicType(Latency, LatencyStage),
    "limit_data": ToxicType(LimitData, LimitDataStage),
    "noop": ToxicType(Noop, NoopStage),
    "reset_peer": ToxicType(ResetPeer, ResetPeerStage),
    "slicer": ToxicType(Slicer, SlicerStage),
    "slow_close": ToxicType(SlowClose, SlowCloseStage),
    "timeout": ToxicType(Timeout, TimeoutStage),
}
