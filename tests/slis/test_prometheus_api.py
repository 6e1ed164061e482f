"""The client of Prometheus' API, against answers that nobody should have to believe, and against a real server."""

from __future__ import annotations

import base64
import gzip
import time
from pathlib import Path

import pytest

from chaos.errors import Unavailable
from chaos.model.prometheus import PrometheusServer
from chaos.slis.access import Access
from chaos.slis.prometheus_api import PrometheusApi
from chaos.slis.web import BYTES_MAX, NotReached
from tests.prometheus import prometheus
from tests.slis.fakeprometheus import Fake, fake, matrix, said, vector

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, b"<html>hello</html>"), "not an answer of Prometheus: status 200, '<html>hello</html>'"),
        ((502, b"bad gateway"), "not an answer of Prometheus: status 502"),
        ((401, b""), "wants to know who asks (status 401); say username and password, or token, under prometheus"),
        ((403, b""), "refuses us with status 403; see credentials under prometheus in the target file"),
        ((404, b"404 page not found"), "is the url's path right"),
        ((400, b'{"status":"error","errorType":"bad_data","error":"1:3: parse\\nerror"}'), "1:3: parse error"),
        ((503, b'{"status":"error","error":"query timed out"}'), "query timed out"),
        ((200, b'{"status":"success"}'), "status 200"),
        ((200, said([{"metric": {}, "value": [1]}], "vector")), "cannot be read"),
        ((200, said([{"metric": {}, "value": [1, "x"]}], "vector")), "cannot be read"),
        ((200, said([{"metric": {}, "histogram": [1, {}]}], "vector")), "native histogram"),
        ((200, said([], "stream")), "type 'stream'"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_said_on_one_line(answer: tuple[int, bytes], error: str) -> None:
    """With the address; never a guess in place of a number."""
    with fake(lambda _: answer) as server, pytest.raises(Unavailable) as caught:
        PrometheusApi(server.access()).instant("up")
    assert error in str(caught.value)
    assert str(caught.value).startswith(server.url)
    assert "\n" not in str(caught.value)


def test_nobody_there_and_too_slow_are_told_apart_from_errors() -> None:
    """What was not reached may be reached later."""
    with fake() as gone:
        access = gone.access()
    with pytest.raises(NotReached, match="refused"):
        PrometheusApi(access).instant("up")

    def slow(_: str) -> bytes:
        time.sleep(1.0)
        return matrix()

    with fake(slow) as server, pytest.raises(NotReached, match=r"no answer within 0.2 s"):
        PrometheusApi(server.access(timeout_s=0.2)).instant("up")


def test_an_answer_that_drips_is_not_waited_for() -> None:
    """The limit is for the whole answer, however often a byte of it comes."""
    with fake(lambda _: vector("1" * 200)) as server:
        server.drip_s = 0.1
        began_s = time.monotonic()
        with pytest.raises(NotReached, match=r"no whole answer within 0.5 s"):
            PrometheusApi(server.access(timeout_s=0.5)).instant("up")
        assert time.monotonic() - began_s < 3.0


def test_an_answer_may_be_packed_and_is_unpacked_or_refused() -> None:
    """Proxies pack with gzip; what is not what it says it is, is an error; so is one that is cut off."""
    with fake(lambda _: gzip.compress(vector("3.5"))) as server:
        server.headers = {"Content-Encoding": "gzip"}
        assert PrometheusApi(server.access()).instant("up").value() == 3.5
        server.answer = lambda _: b"no gzip"
        with pytest.raises(Unavailable, match="its answer is packed wrongly"):
            PrometheusApi(server.access()).instant("up")
        server.answer = lambda _: gzip.compress(vector("3.5" * 50))[:-40]
        with pytest.raises(Unavailable):
            PrometheusApi(server.access()).instant("up")
        server.answer = lambda _: gzip.compress(bytes(BYTES_MAX + 1))
        with pytest.raises(Unavailable, match="more than 32 MiB; narrow the query"):
            PrometheusApi(server.access(timeout_s=20.0)).instant("up")


def test_an_answer_that_is_cut_off_is_not_read() -> None:
    """Half a matrix is not a smaller one."""
    with fake(lambda _: vector("1")) as server:
        server.headers = {"Connection": "close"}
        server.lost = 3
        with pytest.raises(NotReached):
            PrometheusApi(server.access()).instant("up")


def test_credentials_go_to_the_named_server_alone() -> None:
    """Basic or bearer, in the header; a redirect is not followed; and no message has them."""
    with fake(lambda _: vector("1")) as server:
        PrometheusApi(server.access(username="me", password="sesame")).instant("up")
        PrometheusApi(server.access(token="t0ken")).instant("up")
        sent = [headers.get("Authorization") for _, _, headers in server.asked]
        assert sent == [f"Basic {base64.b64encode(b'me:sesame').decode()}", "Bearer t0ken"]
        server.answer = lambda _: (302, b"")
        server.headers = {"Location": "http://elsewhere.example/"}
        with pytest.raises(Unavailable, match=r"says to go to http://elsewhere\.example/") as caught:
            PrometheusApi(server.access(token="t0ken")).instant("up")
        assert "t0ken" not in str(caught.value) + repr(server.access(token="t0ken", password="sesame"))


def test_a_value_is_one_value() -> None:
    """Several are an error, none is none; warnings come along."""
    with fake() as server:
        api = PrometheusApi(server.access())
        server.answer = lambda _: vector("3.5", warnings=["some store did not answer"])
        assert api.instant("x").value() == 3.5
        assert api.instant("x").warnings == ("some store did not answer",)
        server.answer = lambda _: vector()
        assert api.instant("x").value() is None
        server.answer = lambda _: vector("1", "2")
        with pytest.raises(Unavailable, match="2 series instead of one"):
            api.instant("x").value()


def test_the_servers_clock_is_measured_against_ours() -> None:
    """It may be another machine's."""
    with fake() as server:
        server.clock_s = 100.0
        clock = PrometheusApi(server.access()).clock()
        ours_s = time.time() - (time.monotonic() - clock.monotonic_s)
        assert clock.unix_s - ours_s == pytest.approx(100.0, abs=max(0.05, 2 * clock.error_s))


def test_what_is_secret_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    """And an environment that lacks it is said by the variable's name."""
    (tmp_path / "token").write_text("t0ken\n")
    server = PrometheusServer(username="me", password="${PASS}", token_file="${HERE}/token")
    access = Access.of(server, {"PROMETHEUS_URL": "http://prom:9090/", "PASS": "sesame", "HERE": str(tmp_path)})
    assert (access.url, access.username, access.password, access.token) == ("http://prom:9090", "me", "sesame", "t0ken")
    with pytest.raises(Unavailable, match=r"variable PROMETHEUS_URL is not set, which prometheus\.url is"):
        Access.of(PrometheusServer(), {})
    with pytest.raises(Unavailable, match="cannot be read"):
        Access.of(PrometheusServer(url="http://x", token_file="/there/is/none"), {})
    with pytest.raises(Unavailable, match="there is no file"):
        Access.of(PrometheusServer(url="http://x", ca="/there/is/none"), {})


@pytest.mark.parametrize("url", ["prom:9090", "ftp://prom", "http://", "http://me:sesame@prom"])
def test_an_address_that_is_none_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(Unavailable, match=r"prometheus\.url") as caught:
        Access.of(PrometheusServer(url="${URL}"), {"URL": url})
    assert "sesame" not in str(caught.value)


def test_a_real_server_is_understood() -> None:
    """Instant, range, raw samples and a parse error, from the Prometheus that scrapes itself."""
    with prometheus({"itself": []}) as server:
        api = PrometheusApi(Fake(url=server.url).access())
        now_s = api.clock().unix_s
        assert abs(now_s - time.time()) < 1.0
        assert api.instant("1 + 1").value() == 2.0
        points = api.range("vector(7)", now_s - 10, now_s, 5).series[0].points
        assert [value for _, value in points] == [7.0, 7.0, 7.0]
        assert api.raw("up", 30).series == ()
        with pytest.raises(Unavailable, match="parse error"):
            api.instant("up{")
