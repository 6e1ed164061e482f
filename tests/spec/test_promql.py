"""SLIs from a Prometheus server, as a target file says them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.errors import SpecError
from chaos.model.promql import bucket_selector, filled, is_selector, variables
from chaos.model.sli import EVERY, Shape, Source
from chaos.spec import load_target
from chaos.units import Duration

HEAD = """\
target: mine
services: {web: {}}
"""
GOOD = """\
prometheus:
  url: https://prom.example/path
  username: me
  password: ${PASS}
  variables: {namespace: shop-1}
slis:
  answered:
    promql:
      good: 'http_requests_total{namespace="{namespace}", service="{service}", code!~"5.."}'
      total: 'http_requests_total{namespace="{namespace}", service="{service}"}'
      service: web
  waited: {promql: {histogram: 'http_seconds{env="{environment}", variant="{variant}"}'}}
  queue: {promql: {gauge: "max(queue_length) / 2", every: 30s}}
"""


@pytest.fixture
def target(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text(HEAD + text)
        return path

    return write


def test_it_is_read_whole(target: Callable[[str], Path]) -> None:
    """And a secret stays a name."""
    mine = load_target(target(GOOD))
    assert mine.prometheus is not None
    assert (mine.prometheus.url, mine.prometheus.password) == ("https://prom.example/path", "${PASS}")
    shapes = {name: (sli.source, sli.shape) for name, sli in mine.slis.items()}
    assert shapes == {
        "answered": (Source.PROMQL, Shape.COUNTER_RATIO),
        "waited": (Source.PROMQL, Shape.HISTOGRAM),
        "queue": (Source.PROMQL, Shape.GAUGE),
    }
    assert (mine.slis["queue"].every, mine.slis["waited"].every) == (Duration(30), EVERY)
    asked = mine.prometheus_of("blue").variables
    assert asked == {"namespace": "shop-1", "target": "mine", "variant": "blue", "environment": "local"}


def test_without_a_server_the_environments_one_is_asked(target: Callable[[str], Path]) -> None:
    mine = load_target(target("slis: {queue: {promql: {gauge: queue_length}}}\n"))
    assert mine.prometheus is None
    assert mine.prometheus_of("default").url == "${PROMETHEUS_URL}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("slis: {a: {promql: {good: x}}}", "slis.a.promql: needs good and total, or histogram, or gauge; got good"),
        ("slis: {a: {promql: {}}}", "got none of them"),
        ("slis: {a: {promql: {gauge: x}, path: /x}}", "which knows nothing beside it"),
        ("slis: {a: {promql: {good: 'rate(x[5m])', total: x}}}", "slis.a.promql.good: 'rate(x[5m])' is not a selector"),
        ("slis: {a: {promql: {good: x, total: 'sum(x)'}}}", "slis.a.promql.total: 'sum(x)' is not a selector"),
        ("slis: {a: {promql: {good: x, total: 'x{a=1}'}}}", "is not a selector"),
        ("slis: {a: {promql: {histogram: x_bucket}}}", "begins with the histogram's name, without _bucket"),
        ("slis: {a: {promql: {histogram: '{job=\"x\"}'}}}", "begins with the histogram's name"),
        ("slis: {a: {promql: {gauge: 'x{a=\"{varant}\"}'}}}", "unknown variable 'varant'. Did you mean 'variant'?"),
        ("slis: {a: {promql: {gauge: 'x{a=\"{service}\"}'}}}", "say `service: NAME` beside the query"),
        ("slis: {a: {promql: {gauge: x, service: wbe}}}", "unknown service 'wbe'. Did you mean 'web'?"),
        ("slis: {a: {promql: {good: x, total: x, every: 5s}}}", "every: belongs to a gauge"),
        ("prometheus: {username: me, password: sesame}", "prometheus.password: is never written here: say ${NAME}"),
        ("prometheus: {token: 'x${T}'}", "prometheus.token: is never written here"),
        ("prometheus: {token: '${T}', token-file: /x}", "there is a token already"),
        ("prometheus: {username: me}", "username and password (or password-file) belong together"),
        ("prometheus: {username: me, password: '${P}', token: '${T}'}", "both a user and a token"),
        ("prometheus: {url: 'prom:9090'}", "prometheus.url: begins with http:// or https://"),
        ("prometheus: {url: 'https://me:sesame@prom'}", "holds no user or password"),
        ("prometheus: {timeout: 0s}", "prometheus.timeout: must be more than 0s and at most 60s"),
        ("prometheus: {key: /x}", "is the key of a cert"),
        ("prometheus: {insecure: true, token: '${T}'}", "credentials would go to whoever answers"),
        ("prometheus: {insecure: true, ca: /x}", "one of the two"),
        ("prometheus: {variables: {a: 'x\"y'}}", "no quotes, braces or backslashes"),
        ("prometheus: {variables: {variant: x}}", "'variant' is filled in by itself"),
        ("prometheus: {uri: x}", "unknown key 'uri'. Did you mean 'url'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(target: Callable[[str], Path], text: str, words: str) -> None:
    """With the line, and never the secret that should not have been there."""
    path = target(text + "\n")
    with pytest.raises(SpecError) as caught:
        load_target(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    ["up", "job:x:rate", 'x{a="1"}', 'x{a=~"1|2",b!="}",}', "{__name__='x'}", "x{a=`{`}", ' x { a = "1" , b !~ "2" } '],
)
def test_a_selector_is_told_from_an_expression(query: str) -> None:
    assert is_selector(query)


@pytest.mark.parametrize(
    "query", ["", "{}", "x{a=1}", "x[5m]", "sum(x)", "x + y", "x offset 5m", "x @ 1", "1", 'x{a="']
)
def test_an_expression_is_told_from_a_selector(query: str) -> None:
    assert not is_selector(query)


def test_variables_are_words_in_braces_and_nothing_of_promql() -> None:
    """Matchers, quantifiers and template braces stay."""
    query = 'x{a="{one}", b=~"[0-9]{3}", c=~"y{1,2}"}'
    assert variables(query) == ("one",)
    assert filled(query, {"one": "1"}) == 'x{a="1", b=~"[0-9]{3}", c=~"y{1,2}"}'


def test_the_buckets_of_a_histogram_are_selected_by_their_ends() -> None:
    assert bucket_selector("x", ()) == "x_bucket{}"
    assert bucket_selector('x{a="b",}', ("0.5", "+Inf")) == 'x_bucket{a="b", le=~"0\\\\.5|\\\\+Inf"}'
    with pytest.raises(ValueError, match="does not begin with the name"):
        bucket_selector('{a="b"}', ())
