"""TLS and credentials, with a real Prometheus behind them: what a person types, what a person reads, what is never
seen."""

# ruff: noqa: E501 (a row of a table is one line)
from __future__ import annotations

import json
import ssl
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from chaos.cli import main
from chaos.errors import Unavailable
from chaos.model.prometheus import PrometheusServer
from chaos.slis.access import Access
from chaos.slis.prometheus_api import PrometheusApi
from tests.prometheus import PASSWORD, USER, Prometheus, guarded, prometheus
from tests.slis.fakeprometheus import fake
from tests.slis.sources import Web
from tests.tls import Authority, Signed

pytestmark = pytest.mark.integration

TARGET = """\
target: userly
services: {{front: {{}}}}
prometheus: {prometheus}
slis:
  answered: {{promql: {{good: 'answers_total{{code="200"}}', total: answers_total}}}}
slos:
  - {{objective: "answered >= 99%", window: 1h}}
platforms:
  embedded: {{services: {{front: {{run: ["true"]}}}}}}
"""
PAGE = b'# TYPE answers_total counter\nanswers_total{code="200"} 990\nanswers_total{code="500"} 10\n'


class Certificates:
    def __init__(self, folder: Path) -> None:
        self.ours, self.other = Authority(folder, "ours"), Authority(folder, "other")
        self.server = self.ours.sign("server", "IP:127.0.0.1")
        self.elsewhere = self.ours.sign("elsewhere", "DNS:prometheus.example")
        self.expired = self.ours.sign("expired", "IP:127.0.0.1", days=-1)
        self.client, self.stranger = self.ours.sign("client", "DNS:us"), self.other.sign("stranger", "DNS:us")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(made: Certificates) -> Iterator[Prometheus]:
    """Real, behind TLS and a password, with counters that it scrapes from a page."""
    web = Web(metrics=lambda: (200, PAGE))
    try:
        with prometheus({"front": [web.address]}, guarded=guarded(made.server)) as found:
            said = {"url": found.url, "ca": str(made.ours.cert), "username": USER, "password": "${P}"}
            api = PrometheusApi(Access.of(PrometheusServer(**said), {"P": PASSWORD}))  # type: ignore[arg-type]
            until_s = time.monotonic() + 30
            while api.instant("increase(answers_total[1m])").series == ():  # two scrapes
                assert time.monotonic() < until_s
                time.sleep(0.1)
            yield found
    finally:
        web.close()


@pytest.fixture
def status(
    server: Prometheus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """`saleproof slo status` of a target whose file says this of its server, with these variables set: the exit code,
    stdout and stderr."""

    def ask(said: dict[str, Any], **environment: str) -> tuple[int, str, str]:
        monkeypatch.setenv("SALEPROOF_STATE", str(tmp_path / "state"))
        monkeypatch.setenv("PROMETHEUS_URL", server.url)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        file = tmp_path / "userly.yaml"
        file.write_text(TARGET.format(prometheus=json.dumps({"url": "${PROMETHEUS_URL}", **said})))
        code = main(["slo", "status", str(file)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return ask


def test_the_right_certificate_and_password_are_let_in(status: Any, made: Certificates, tmp_path: Path) -> None:
    """The authority named in the file, or trusted by the machine; the password in a variable or a file. Counters that
    do not grow are no traffic, which is an answer."""
    basic = {"username": USER, "password": "${SECRET}"}
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    for said, environment in (
        ({**basic, "ca": str(made.ours.cert)}, {"SECRET": PASSWORD}),
        ({**basic, "ca": "${OUR_CA}"}, {"SECRET": PASSWORD, "OUR_CA": str(made.ours.cert)}),
        ({"username": USER, "password-file": str(tmp_path / "secret"), "ca": str(made.ours.cert)}, {}),
        (basic, {"SECRET": f"{PASSWORD}\n", "SSL_CERT_FILE": str(made.ours.cert)}),
    ):
        code, out, err = status(said, **environment)
        assert (code, err) == (0, ""), (said, out)
        assert "no traffic in the window" in out


@pytest.mark.parametrize(
    ("said", "environment", "told"),
    [
        ({"ca": "OTHER"}, {}, "TLS: its certificate is signed by nobody in OTHER; see prometheus.ca in the target file"),
        ({}, {}, "signed by nobody whom this machine trusts; name the file with the certificate of who signed it as prometheus.ca"),
        ({"ca": "OURS", "url": "https://localhost:PORT"}, {}, "TLS: its certificate is not for localhost; say a name that is in it in prometheus.url"),
        ({"ca": "OURS"}, {"SECRET": "a-wrong-one"}, "refuses us with status 401; see username and password (${SECRET}) under prometheus in the target file"),
        ({"ca": "OURS"}, {"SECRET": "sésame€"}, "refuses us with status 401; see username and password (${SECRET})"),
        ({"ca": "OURS", "username": "", "password": ""}, {}, "wants to know who asks (status 401); say username and password, or token, under prometheus"),
        ({"ca": "OURS"}, {"SECRET": ""}, "the environment variable SECRET is not set, which prometheus.password is taken from"),
        ({"ca": "OURS", "username": "", "password": "", "token": "${SECRET}"}, {"SECRET": "two\nlines-of-it"}, "prometheus.token in ${SECRET} holds what no token has"),
        ({"ca": "OURS", "username": "", "password": "", "token": "${SECRET}"}, {}, "refuses us with status 401; see token (${SECRET})"),
        ({"ca": "KEY"}, {}, "prometheus.ca: KEY holds no certificate in PEM form"),
        ({"ca": "/there/is/none"}, {}, "prometheus.ca: there is no file /there/is/none"),
        ({"ca": "OURS", "url": "http://127.0.0.1:PORT"}, {}, "it speaks TLS there; begin prometheus.url with https://"),
    ],
)  # fmt: skip
def test_who_is_not_let_in_reads_what_to_set(
    said: dict[str, str], environment: dict[str, str], told: str, status: Any, made: Certificates, server: Prometheus
) -> None:
    """One sentence, exit 69, and no secret on the screen."""
    files = {"OTHER": str(made.other.cert), "OURS": str(made.ours.cert), "KEY": str(made.server.key)}

    def real(text: str) -> str:
        for word, file in files.items():
            text = text.replace(word, file)
        return text.replace("PORT", str(server.port))

    wanted = {"username": USER, "password": "${SECRET}", **{key: real(value) for key, value in said.items()}}
    secret = environment.get("SECRET", PASSWORD)
    code, out, err = status({key: value for key, value in wanted.items() if value}, SECRET=secret)
    assert code == 69
    assert real(told) in err
    assert err.count("\n") == 1
    assert "***" not in out + err  # a sentence that was taken for a secret tells nothing
    for part in filter(None, (PASSWORD, *secret.split("\n"))):
        assert part not in out + err


@pytest.mark.parametrize(
    ("which", "told"), [("elsewhere", r"is not for 127\.0\.0\.1"), ("expired", "is no longer valid; the server needs")]
)
def test_a_server_with_a_wrong_certificate_is_not_believed(which: str, told: str, made: Certificates) -> None:
    """Signed by the right authority, and for another name, or until yesterday."""
    with prometheus({"none": []}, guarded=guarded(getattr(made, which), password=False)) as server:
        api = PrometheusApi(Access.of(PrometheusServer(url=server.url, ca=str(made.ours.cert)), {}))
        with pytest.raises(Unavailable, match=told):
            api.instant("1")


def test_a_certificate_of_ours_where_the_server_wants_one(made: Certificates) -> None:
    """With its key, apart or in one file."""
    both = made.client.cert.with_name("both.pem")
    both.write_bytes(made.client.cert.read_bytes() + made.client.key.read_bytes())
    wants = guarded(made.server, password=False, clients=made.ours.cert, client=made.client)

    def ask(server: Prometheus, **files: Path) -> float | None:
        said = {"ca": str(made.ours.cert), **{key: str(file) for key, file in files.items()}}
        return PrometheusApi(Access.of(PrometheusServer(url=server.url, **said), {})).instant("2").value()  # type: ignore[arg-type]

    with prometheus({"none": []}, guarded=wants) as server:
        assert ask(server, cert=made.client.cert, key=made.client.key) == 2.0
        assert ask(server, cert=both) == 2.0
        with pytest.raises(Unavailable, match=r"wants a certificate of ours; name its file as prometheus\.cert"):
            ask(server)
        with pytest.raises(Unavailable, match=r"does not take our certificate, .*stranger\.pem"):
            ask(server, cert=made.stranger.cert, key=made.stranger.key)


@pytest.mark.parametrize(
    ("cert", "key", "told"),
    [
        ("client.pem", "", r"prometheus\.cert: .*client\.pem holds no key; name the file that does as prometheus\.key"),
        ("client.pem", "server.key", r"prometheus\.key: .*server\.key is not the key of .*client\.pem"),
        ("client.key", "client.key", r"prometheus\.cert: .*client\.key holds no certificate"),
        ("client.pem", "client.pem", r"prometheus\.key: .*client\.pem holds no key"),
        ("client.pem", "locked.key", r"prometheus\.key: .*locked\.key is locked by a passphrase"),
    ],
)
def test_a_certificate_that_cannot_be_shown_is_said_before_anything_is_asked(
    cert: str, key: str, told: str, made: Certificates
) -> None:
    """And nobody is asked for a passphrase in the middle of a run."""
    folder = made.client.cert.parent
    made.ours.lock(made.client.key, folder / "locked.key", "open-poppy")
    files = {"cert": str(folder / cert), "key": str(folder / key) if key else ""}
    with pytest.raises(Unavailable, match=told):
        Access.of(PrometheusServer(url="https://127.0.0.1:1", **files), {})  # type: ignore[arg-type]


def test_a_bearers_token_is_let_in_by_who_stands_before_a_real_one(made: Certificates) -> None:
    """Prometheus itself knows no tokens; whoever puts one in front of it does. It goes there in the header alone."""
    with prometheus({"none": []}) as real:

        def at_the_door(query: str) -> bytes | tuple[int, bytes]:
            if door.asked[-1][2].get("Authorization") != "Bearer t0ken-of-the-day":
                return 401, b"who are you?"
            with urllib.request.urlopen(f"{real.url}/api/v1/query?query={quote(query)}", timeout=10) as answer:
                return bytes(answer.read())

        with fake(at_the_door, serving(made.server)) as door:
            said = PrometheusServer(url=door.url, ca=str(made.ours.cert), token="${TOKEN}", timeout=seconds(10))
            assert PrometheusApi(Access.of(said, {"TOKEN": "t0ken-of-the-day\n"})).instant("20 + 3").value() == 23.0
            with pytest.raises(Unavailable, match=r"refuses us with status 401; see token \(\$\{TOKEN\}\)"):
                PrometheusApi(Access.of(said, {"TOKEN": "of-yesterday"})).instant("1")
            assert "t0ken" not in str([(path, parameters) for path, parameters, _ in door.asked])


def test_one_who_speaks_no_tls_is_told_apart(made: Certificates) -> None:
    with (
        fake() as plain,
        pytest.raises(Unavailable, match=r"does not speak TLS there; does prometheus\.url begin with http://"),
    ):
        PrometheusApi(Access(url=plain.url.replace("http:", "https:"), ca=str(made.ours.cert))).instant("1")


def serving(signed: Signed) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed.cert, signed.key)
    return context


def seconds(value: float) -> Any:
    from chaos.units import Duration

    return Duration(value)
