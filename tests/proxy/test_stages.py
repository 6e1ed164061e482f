"""The toxics' stages alone, without sockets."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.proxy.server.stage import Stage
from chaos.proxy.server.toxics import TOXICS
from chaos.proxy.server.toxics.bandwidth import Bandwidth, BandwidthStage
from chaos.proxy.server.toxics.latency import Latency, LatencyStage
from chaos.proxy.server.toxics.limit_data import LimitData, LimitDataStage
from chaos.proxy.server.toxics.slicer import Slicer, SlicerStage


class Collected:
    """The end of a chain, and the link that owns it."""

    def __init__(self) -> None:
        self.pieces: list[tuple[float, bytes]] = []
        self.ends = 0
        self.resets = 0

    def feed(self, data: bytes, read_at: float) -> None:
        assert not self.ends, "data after the end"
        self.pieces.append((time.monotonic(), data))

    def end(self) -> None:
        self.ends += 1

    def reset(self) -> None:
        self.resets += 1

    def balance(self) -> None: ...

    @property
    def data(self) -> bytes:
        return b"".join(data for _, data in self.pieces)


def stage(kind: type[Stage[Any]], attributes: Any, sink: Collected, *, active: bool = True) -> Any:
    made = kind(attributes, active=active, chance=random.Random(1), owner=sink)
    made.next = sink
    made.start()
    return made


@given(
    size=st.integers(1, 40_000),
    average=st.integers(1, 5_000),
    variation=st.floats(0, 0.99),
)
@settings(max_examples=200, deadline=None)
def test_slices_are_a_partition(size: int, average: int, variation: float) -> None:
    """In order, without a gap, none larger than the average plus the variation."""
    attributes = Slicer(average_size=average, size_variation=int(average * variation))
    assert attributes.problem() is None
    cuts = list(stage(SlicerStage, attributes, Collected())._cuts(0, size))
    assert cuts[0][0] == 0
    assert cuts[-1][1] == size
    assert all(before[1] == after[0] for before, after in itertools.pairwise(cuts))
    assert all(end - start <= average + attributes.size_variation for start, end in cuts)


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("delay_us", [0, 50, 400])
def test_a_delay_below_a_millisecond_is_right_on_average(delay_us: int) -> None:
    """Timers tick every millisecond; the debt is carried, so 500 slices take 500 delays."""

    async def run() -> None:
        sink = Collected()
        slicer = stage(SlicerStage, Slicer(average_size=10, delay=delay_us), sink)
        started = time.monotonic()
        slicer.feed(bytes(5120), started)
        await until(lambda: len(sink.data) == 5120)
        elapsed_s = time.monotonic() - started
        expected_s = len(sink.pieces) * delay_us / 1e6
        assert expected_s * 0.9 - 0.002 <= elapsed_s < expected_s * 1.5 + 0.3

    asyncio.run(run())


def test_bandwidth_keeps_its_schedule() -> None:
    """Many small chunks take as long as their sum; none is early."""

    async def run() -> None:
        sink = Collected()
        slow = stage(BandwidthStage, Bandwidth(rate=100), sink)
        started = time.monotonic()
        for _ in range(400):
            slow.feed(bytes(50), time.monotonic())
        assert slow.held_bytes >= 20_000
        await until(lambda: len(sink.data) == 20_000)
        assert 0.19 <= time.monotonic() - started < 0.6
        sent = 0
        for at, data in sink.pieces:
            sent += len(data)
            assert sent <= (at - started + 0.002) * 100_000
        assert slow.held_bytes == 0

    asyncio.run(run())


def test_release_passes_on_everything_and_the_end() -> None:
    """In order, at once, exactly once."""

    async def run() -> None:
        sink = Collected()
        slow = stage(LatencyStage, Latency(latency=60_000, jitter=1000), sink)
        for number in range(10):
            slow.feed(bytes([number]), time.monotonic())
        slow.end()
        assert sink.pieces == []
        slow.release()
        assert sink.data == bytes(range(10))
        assert (sink.ends, slow.held_bytes) == (1, 0)

    asyncio.run(run())


def test_a_change_releases_the_first_and_retimes_the_rest() -> None:
    """As Toxiproxy's interrupt does."""

    async def run() -> None:
        sink = Collected()
        slow = stage(LatencyStage, Latency(latency=60_000), sink)
        for number in range(3):
            slow.feed(bytes([number]), time.monotonic())
        slow.retune(Latency(latency=50), active=True)
        assert sink.data == b"\0"
        await until(lambda: len(sink.data) == 3)
        assert sink.data == bytes(range(3))

    asyncio.run(run())


def test_jitter_keeps_the_order() -> None:
    """However the delays fall."""

    async def run() -> None:
        sink = Collected()
        slow = stage(LatencyStage, Latency(latency=20, jitter=20), sink)
        for number in range(200):
            slow.feed(bytes([number]), time.monotonic())
        slow.end()
        await until(lambda: sink.ends)
        assert sink.data == bytes(range(200))

    asyncio.run(run())


@given(sizes=st.lists(st.integers(1, 50), min_size=1, max_size=20), limit=st.integers(0, 400))
def test_limit_data_passes_exactly_the_limit(sizes: list[int], limit: int) -> None:
    """And ends once, as soon as it is reached."""
    sink = Collected()
    limited = stage(LimitDataStage, LimitData(bytes=limit), sink)
    for size in sizes:
        if not sink.ends:
            limited.feed(bytes(size), 0.0)
    assert len(sink.data) == min(limit, sum(sizes))
    assert bool(sink.ends) == (sum(sizes) >= limit)


@pytest.mark.parametrize("kind", TOXICS)
def test_an_inactive_stage_passes_everything(kind: str) -> None:
    """A link that the toxicity spares feels nothing, and its end passes."""

    async def run() -> None:
        sink = Collected()
        spared = stage(TOXICS[kind].stage, TOXICS[kind].attributes(), sink, active=False)
        spared.feed(b"data", time.monotonic())
        spared.end()
        assert (sink.data, sink.ends, sink.resets) == (b"data", 1, 0)
        await asyncio.sleep(0)

    asyncio.run(run())
