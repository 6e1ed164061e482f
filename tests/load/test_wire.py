"""The stream between generator and runner."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.load.wire import Config, Goodbye, Hello, Message, Report, decode, encode
from chaos.model.base import from_json, to_json
from tests.load.customers import BUYING

MESSAGES = st.lists(
    st.one_of(
        st.builds(Hello, pid=st.integers(1, 1 << 22), at_us=st.integers(0, 1 << 40), customers_max=st.integers(1, 9)),
        st.builds(
            Report, at_us=st.integers(0, 1 << 40), rows=st.binary(), started=st.binary(), ended=st.binary(),
            instances=st.tuples(st.text()), acknowledged=st.tuples(st.text(), st.text()), dropped=st.integers(0, 9),
        ),
        st.builds(Goodbye, at_us=st.integers(0, 1 << 40), reason=st.text()),
    )
)  # fmt: skip


@given(MESSAGES)
def test_messages_arrive_as_they_were_sent(messages: list[Message]) -> None:
    """All of them, in order."""
    stream = io.BytesIO(b"".join(encode(message) for message in messages))
    assert list(decode(stream.read)) == messages


def test_a_stream_that_is_cut_is_damaged() -> None:
    """A generator that was killed while writing must not look like one that has said everything."""
    whole = encode(Hello(pid=1, at_us=2, customers_max=3))
    for length in range(1, len(whole)):
        with pytest.raises(ValueError, match="ended inside"):
            list(decode(io.BytesIO(whole[:length]).read))


def test_a_stream_of_something_else_is_damaged() -> None:
    """A stray print, for example."""
    for wrong in (b"Traceback (most recent call last)", b"\x01\x00\x00\x00\xff"):
        with pytest.raises(ValueError, match="damaged"):
            list(decode(io.BytesIO(wrong).read))


def test_a_configuration_survives_the_way_to_the_generator() -> None:
    """Quantities, tuples, bodies and all."""
    config = Config(traffic=BUYING, base_url="http://127.0.0.1:1", seed=3, t0_s=1.5, control="/tmp/x")
    assert from_json(to_json(config), Config) == config
