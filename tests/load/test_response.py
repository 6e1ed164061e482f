"""One HTTP answer, read from bytes in any pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.load.response import Malformed, Response

PLAIN = (
    b"HTTP/1.1 200 OK\r\nX-Instance: web-2\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\n"
    b"Content-Length: 5\r\n\r\nhello"
)
CHUNKED = (
    b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
)
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


def read(*parts: bytes, head_only: bool = False) -> Response:
    response = Response(head_only=head_only)
    for part in parts:
        response.feed(part)
    return response


@given(st.sampled_from([PLAIN, EARLY + PLAIN, CHUNKED]), st.lists(st.integers(0, 200), max_size=12))
def test_pieces_make_no_difference(whole: bytes, cuts: list[int]) -> None:
    """However the network cuts an answer, it is the same answer, and it is done with its last byte and not before."""
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    parts = [whole[a:b] for a, b in itertools.pairwise(edges) if a < b]
    before, after = read(*parts[:-1]), read(*parts)
    assert not before.done
    assert after.done
    assert after.keep_alive
    expected = (404, b"abc0123456789", "", []) if whole is CHUNKED else (200, b"hello", "web-2", ["a=1; Path=/", "b=2"])
    assert (after.status, after.body, after.instance, after.set_cookie) == expected


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_an_answer_that_has_no_body_is_done_with_its_head(status: bytes) -> None:
    """Also when it names a length, as 304 may."""
    answer = read(b"HTTP/1.1 " + status + b"\r\nContent-Length: 10\r\n\r\n")
    assert (answer.done, answer.body, answer.keep_alive) == (True, b"", True)


def test_the_answer_to_head_has_no_body() -> None:
    """Whatever length it names."""
    assert read(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", head_only=True).done


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    """And the connection is not used again."""
    answer = read(b"HTTP/1.1 200 OK\r\n\r\nab", b"c")
    assert not answer.done
    assert answer.end()
    assert (answer.body, answer.keep_alive) == (b"abc", False)


@pytest.mark.parametrize("whole", [PLAIN, CHUNKED])
def test_an_answer_that_is_cut_is_never_whole(whole: bytes) -> None:
    """Wherever the connection ends, short of the last byte."""
    for length in range(len(whole)):
        assert not read(whole[:length]).end()


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close", False),
        (b"HTTP/1.0 200 OK", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive", True),
        (b"HTTP/1.1 200 OK", True),
    ],
)
def test_who_may_use_the_connection_again(head: bytes, kept: bool) -> None:
    """As the version and the header say."""
    assert read(head + b"\r\nContent-Length: 0\r\n\r\n").keep_alive is kept


def test_more_bytes_than_announced_are_not_the_next_answer() -> None:
    """The body is what was announced, and the connection is given up."""
    for extra in (PLAIN + b"x", CHUNKED + b"x"):
        answer = read(extra)
        assert answer.done
        assert not answer.keep_alive
        assert not answer.body.endswith(b"x")


@pytest.mark.parametrize(
    "wrong",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_not_http_is_said_so(wrong: bytes) -> None:
    """Never an endless wait, and never a status that nobody sent."""
    with pytest.raises(Malformed):
        read(wrong)
