"""Every request as columns, and the way into a chunk and back."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.model.requests import COLUMNS, Failure, Requests, pack, unpack

STEPS, JOURNEYS, INSTANCES = ("home", "pay"), ("buy",), ("", "web-1", "wäb-2")
BIG = st.integers(-(1 << 62), 1 << 62)
ROW = st.tuples(
    BIG, BIG, st.integers(-(1 << 40), 1 << 40), st.integers(0, 1), st.integers(0, 599), st.sampled_from(list(Failure)),
    st.integers(0, 2), st.just(0), BIG,
)  # fmt: skip


def of(rows: list[tuple[int, ...]]) -> Requests:
    return Requests.of(rows, STEPS, JOURNEYS, INSTANCES)


def as_rows(requests: Requests) -> list[tuple[int, ...]]:
    return list(zip(*(getattr(requests, name).tolist() for name in COLUMNS), strict=True))


@given(st.lists(ROW, max_size=50))
def test_a_chunk_gives_back_what_was_packed(rows: list[tuple[int, ...]]) -> None:
    """Every column exactly, in the types of memory, sorted by intended start; and the names."""
    back = unpack(pack(of(rows)))
    assert sorted(as_rows(back)) == sorted(as_rows(of(rows)))
    assert back.start_us.tolist() == sorted(back.start_us.tolist())
    assert (back.steps, back.journeys, back.instances) == (STEPS, JOURNEYS, INSTANCES)
    assert all(getattr(back, name).dtype == np.dtype(kind) for name, kind in COLUMNS.items())


def test_a_request_costs_a_few_bytes() -> None:
    """Like real traffic: a minute at 200 a second, in the five bytes or so that keeping everything may cost."""
    source = np.random.default_rng(1)
    starts = np.cumsum(source.exponential(5000, 12_000)).astype(int)
    latency = source.lognormal(8, 0.5, 12_000).astype(int)
    lag = source.integers(0, 1000, 12_000)
    rows = [
        (s, lat, g, i % 2, 200, 0, 1 + i % 2, 0, i // 4)
        for i, (s, lat, g) in enumerate(zip(starts, latency, lag, strict=True))
    ]
    assert len(pack(of(rows))) / len(rows) < 7.5


@given(st.lists(ROW, min_size=1, max_size=10), st.data())
def test_a_damaged_chunk_is_said_to_be_one(rows: list[tuple[int, ...]], data: st.DataObject) -> None:
    """Never another exception, and never rows that nobody recorded."""
    chunk = pack(of(rows))
    cut = data.draw(st.integers(0, len(chunk) - 1))
    with pytest.raises(ValueError, match="damaged"):
        unpack(chunk[:cut])
    flipped = bytearray(chunk)
    flipped[cut] ^= 1 << data.draw(st.integers(0, 7))
    try:
        back = unpack(bytes(flipped))
    except ValueError:
        return
    assert as_rows(back) == as_rows(unpack(chunk))


def test_a_chunk_of_something_else_is_damaged() -> None:
    """Valid compression around what is no chunk."""
    for inside in (b"", b"\x02\x00\x00\x00{}", b"\xff\xff\xff\xffhello", b'\x0d\x00\x00\x00{"n": 1, "k":1}'):
        with pytest.raises(ValueError, match="damaged"):
            unpack(zlib.compress(inside))


def test_parts_are_joined_when_their_names_grew() -> None:
    """A new instance is appended to the names; the numbers of the older parts stay right."""
    early = Requests.of([(0, 1, 0, 0, 200, 0, 1, 0, 0)], STEPS, JOURNEYS, ("", "web-1"))
    late = Requests.of([(5, 1, 0, 1, 200, 0, 2, 0, 1)], STEPS, JOURNEYS, ("", "web-1", "web-2"))
    joined = Requests.join([early, late, Requests.empty(STEPS, JOURNEYS)])
    assert [joined.instances[i] for i in joined.instance] == ["web-1", "web-2"]
    assert len(Requests.join([])) == 0


def test_parts_of_different_runs_are_not_joined() -> None:
    """Their numbers mean different things."""
    other = Requests.of([(0, 1, 0, 0, 200, 0, 0, 0, 0)], ("cart",), JOURNEYS, INSTANCES)
    with pytest.raises(ValueError, match="steps differ"):
        Requests.join([of([(0, 1, 0, 0, 200, 0, 0, 0, 0)]), other])


def test_only_chosen_rows() -> None:
    """By mask, by index, by slice; the names stay."""
    requests = of([(i, 1, 0, 0, 200, 0, 0, 0, i) for i in range(5)])
    assert requests.only(requests.start_us > 2).customer.tolist() == [3, 4]
    assert requests.only(np.array([4, 0])).customer.tolist() == [4, 0]
    assert requests.only(slice(1, 3)).customer.tolist() == [1, 2]
    assert requests.only(slice(0, 0)).steps == STEPS
