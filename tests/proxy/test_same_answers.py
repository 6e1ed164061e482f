"""Ours against Shopify's on the API: the same calls, named and generated, give the same status, headers and body."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.proxy.answers import Call, answer, free_ports, without_proxies

pytestmark = pytest.mark.integration

HOME = {"listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}
MADE = Call("POST", "/proxies", {"name": "a", **HOME})
TOXIC = Call("POST", "/proxies/a/toxics", {"type": "latency", "name": "t", "attributes": {"latency": 5, "jitter": 1}})
SHOWN = Call("GET", "/proxies/a")


def made(**changes: Any) -> Call:
    return Call("POST", "/proxies", {"name": "x", **HOME, **changes})


def raw(*bodies: str | bytes) -> list[Call]:
    return [Call("POST", "/proxies", body) for body in bodies]


def patched(*bodies: Any) -> list[Call]:
    """Each followed by a look: what was refused has changed nothing."""
    return [call for body in bodies for call in (Call("PATCH", "/proxies/a", body), SHOWN)]


def toxic(*bodies: Any) -> list[Call]:
    return [Call("POST", "/proxies/a/toxics", body) for body in bodies]


def changed(*bodies: Any) -> list[Call]:
    return [call for body in bodies for call in (Call("PATCH", "/proxies/a/toxics/t", body), SHOWN)]


NUMBERS = ["0.1", "0.123456789", "0.3333333333333", "1e39", "3.4e38", "3.4028236e38", "1e400", "-1", "2", "1e-50", "-0"]
NUMBERS += ["1e21", "123456789", "16777217", "1e-7", "1.0", "null", "true", '"1"', "[1]", "{}", "01", ".5", "NaN"]
WHOLE = ["-5", "-0", "1e3", "1.0", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "true", '"5"']
WHOLE += ["-9223372036854775809", "[5]", "{}", "null", "99999999999999999999999999"]
JSON = '"upstream":"127.0.0.1:1","listen":"127.0.0.1:0"'

SEQUENCES: dict[str, list[Call]] = {
    "what is not there": [
        *(Call("GET", path) for path in ("/", "/proxies/", "/metrics", "/Proxies", "/proxies/A", "/toxics")),
        *(Call("GET", path) for path in ("/proxies/a/", "/proxies/a/toxics/", "/proxies/a/toxics/t/x")),
    ],
    "methods": [
        MADE,
        *(Call(method, "/proxies") for method in ("PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE")),
        *(Call(method, "/proxies/a") for method in ("PUT", "HEAD", "OPTIONS")),
        *(Call(method, "/proxies/a/toxics") for method in ("PUT", "HEAD", "PATCH", "DELETE")),
        *(Call(method, "/proxies/a/toxics/t") for method in ("PUT", "HEAD")),
        *(Call(method, path) for method in ("GET", "PUT", "DELETE") for path in ("/reset", "/populate")),
        *(Call(method, "/version") for method in ("POST", "HEAD", "DELETE")),
    ],
    "headers": [
        MADE,
        *(Call("GET", path, None, {"User-Agent": "Mozilla/5.0"}) for path in ("/proxies/a", "/version", "/nowhere")),
        Call("PUT", "/proxies", None, {"User-Agent": "Mozilla/5.0"}),
        Call("POST", "/proxies", {"name": "b", **HOME}, {"User-Agent": "Mozilla/5.0"}),
        Call("GET", "/proxies", None, {"User-Agent": "mozilla/5.0", "Accept": "text/html"}),
        Call("GET", "/proxies?name=b", None, {"User-Agent": ""}),
        Call("POST", "/proxies", {"name": "b", **HOME}, {"Content-Type": "text/plain"}),
    ],
    "names": [
        *(made(name=name) for name in ("q?", "pc%", "ü<&>\u2028", "s p", "0", "\ud800", " ", "\n", "😀")),
        *(Call("GET", f"/proxies/{name}") for name in ("q%3F", "q?", "pc%25", "%C3%BC%3C%26%3E%E2%80%A8", "s%20p")),
        *(Call("GET", f"/proxies/{name}") for name in ("s+p", "%30", "%20", "%0A", "%F0%9F%98%80", "%EF%BF%BD")),
        Call("DELETE", "/proxies/q%3F"),
        Call("GET", "/proxies"),
    ],
    "bodies": [
        *raw("", " ", "null", "nullx", "null x", "{", "[]", '"x"', "1", "true", "01", "NaN", "\x0b{}", "nul", "{}{}"),
        *raw(f' \n\t{{"name":"ws",{JSON}}}{{', f'{{"name":"c\x01",{JSON}}}', b"\xef\xbb\xbf{}", f'{{"name":5,{JSON}}}'),
        *raw(f'{{"name":"inv\xff",{JSON}}}'.encode("latin-1"), b"\xff", f'{{"name":"e\\q",{JSON}}}'),
        *raw('{"name":"n", "upstream": 5}', f'{{"name":"n","enabled":"yes",{JSON}}}', f"{{'name':'n',{JSON}}}"),
        *raw(f'{{"name":"d1","NAME":"d2",{JSON}}}', f'{{"NAME":"e1","name":"e2","NAME":"e3",{JSON}}}'),
        *raw(f'{{"name":"f1","NAME":null,{JSON}}}', f'{{"name":"g",{JSON},"toxics":[1],"extra":{{"a":[]}}}}'),
        *raw(f'{{"name":"h","pad":"{"x" * 2_000_000}",{JSON}}}', f'{{"name":"i","enabled":null,{JSON}}}'),
        Call("GET", "/proxies"),
    ],
    "addresses that cannot be had": [
        *(made(listen=text) for text in ("nonsense", "127.0.0.1:99999", "127.0.0.1:-1", "127.0.0.1:nosuch", "1:2:3")),
        *(made(listen=text) for text in ("no.such.host.invalid:0", "203.0.113.1:0", "::1", "[::1:0", "x]:0")),
        *(made(listen=text) for text in ("[::1]0", "[::1]", "[::1]:0:0", "[[::1]:0", "[::1]]:0", "a[b:0")),
        Call("GET", "/proxies/x"),
    ],
    "addresses": [
        *(call for text in ("127.0.0.1:", "localhost:0", ":0", "", ":", "[]:0", "127.0.0.1:PORT", ":PORT", "[::1]:PORT")
          for call in (made(listen=text), Call("DELETE", "/proxies/x"))),
        made(listen="localhost:PORT", enabled=False),
        Call("PATCH", "/proxies/x", {"enabled": True}),
    ],
    "a bad address that waits": [
        made(listen="nonsense", enabled=False),
        *(Call("PATCH", "/proxies/x", body) for body in ({"enabled": True}, {"upstream": "u:1"}, {})),
        Call("POST", "/reset"),
        Call("PATCH", "/proxies/x", {"listen": "127.0.0.1:0"}),
        Call("PATCH", "/proxies/x", {"enabled": True}),
        Call("GET", "/proxies/x"),
    ],
    "a proxy that is changed": [
        MADE,
        *patched("", "{", "null", "[]", {}, {"name": "b", "toxics": [1], "enabled": None}, {"upstream": 5}),
        *patched({"listen": "nonsense", "upstream": "u:1"}, {"listen": "127.0.0.1:99999"}, {"upstream": "nonsense"}),
        *patched({"listen": "no.such.host.invalid:0"}, {"enabled": "no"}, {"upstream": ""}, {"listen": ""}, {}),
        *patched({"listen": "127.0.0.1:PORT"}, {"listen": ":PORT"}, {"enabled": False, "listen": "127.0.0.1:0"}),
        *patched({"upstream": "127.0.0.1:2", "enabled": True}, {"listen": "203.0.113.1:0"}, {}, {"enabled": False}),
        *patched({"enabled": True}, {"listen": "127.0.0.1:0"}, {"enabled": True}, {"ENABLED": False}),
        Call("PATCH", "/proxies/nobody", "{"),
        Call("DELETE", "/proxies/nobody"),
    ],
    "toxics that are added": [
        MADE,
        TOXIC,
        *toxic("", "{", "null", "[]", {}, {"type": 5}, {"type": "noop", "stream": 5}, {"type": "noop", "name": []}),
        *toxic({"type": "latency", "name": "t", "attributes": {"latency": "x"}}, {"type": "latancy", "name": "t"}),
        *toxic({"type": "latency", "stream": "x", "attributes": [1]}, {"type": "nope", "stream": "x"}),
        *toxic({"type": "noop", "stream": ""}, {"type": "noop", "stream": "UpStream"}, {"type": None}),
        *toxic({"type": "noop", "attributes": 5, "name": "n"}, {"type": "noop", "attributes": {"x": 1}, "name": "n"}),
        *toxic({"type": "latency", "name": "deep", "attributes": {"latency": None, "x": {"y": [1]}}}),
        *toxic('{"type":"latency","name":"d1","attributes":{"latency":5},"attributes":{"jitter":3}}'),
        *toxic('{"type":"latency","name":"d2","attributes":{"latency":5,"Latency":6,"LATENCY":null}}'),
        *toxic('{"type":"latency","name":"d3","attributes":{"latency":5},"attributes":null}'),
        *toxic({"type": "slicer", "name": "s", "attributes": {"Average_Size": 5, "averageSize": 9}}),
        *toxic(*(f'{{"type":"noop","name":"tox{i}","toxicity":{text}}}' for i, text in enumerate(NUMBERS))),
        *toxic(*(f'{{"type":"limit_data","name":"l{i}","attributes":{{"bytes":{n}}}}}' for i, n in enumerate(WHOLE))),
        Call("POST", "/proxies/nobody/toxics", "{"),
        SHOWN,
        Call("GET", "/proxies/a/toxics"),
        Call("POST", "/reset", "garbage"),
        SHOWN,
    ],
    "toxics that are changed": [
        MADE,
        TOXIC,
        *changed("", "{", "null", "[]", {}, {"attributes": None}, {"attributes": []}, {"attributes": "x"}),
        *changed({"attributes": {"latency": None}}, {"type": "noop", "stream": "upstream", "name": "u"}),
        *changed('{"attributes":{"latency":7}', {"ATTRIBUTES": {"JITTER": 4}, "Toxicity": 0.5}),
        *changed(*(f'{{"toxicity":{text}}}' for text in NUMBERS)),
        *changed(*(f'{{"attributes":{{"latency":{text}}}}}' for text in WHOLE)),
        Call("PATCH", "/proxies/a/toxics/nobody", "{"),
        Call("PATCH", "/proxies/nobody/toxics/t", "{"),
        Call("DELETE", "/proxies/a/toxics/nobody"),
        Call("DELETE", "/proxies/nobody/toxics/t"),
        Call("DELETE", "/proxies/a/toxics/t", "garbage"),
        Call("DELETE", "/proxies/a/toxics/t"),
        SHOWN,
    ],
    "populate": [
        *(Call("POST", "/populate", body) for body in ("", "[]", "null", "{}", "[null]", "[1]", "[{}]", "[] x", "[")),
        *(Call("POST", "/populate", [body]) for body in ({"name": "x"}, {"name": "x", "upstream": 5}, {"name": ""})),
        Call("POST", "/populate", [{"name": "p", **HOME}, {"name": "p", **HOME}]),
        Call("POST", "/populate", [{"name": "q", **HOME}, {"name": "r", **HOME, "listen": "nonsense"}, MADE.body]),
        Call("GET", "/proxies"),
        Call("POST", "/populate", [{"name": "s", **HOME, "listen": "127.0.0.1:PORT", "enabled": False}]),
        Call("POST", "/populate", [{"name": "s", **HOME, "listen": "127.0.0.1:PORT"}]),
        Call("POST", "/populate", [{"name": "s", **HOME, "listen": "nonsense"}]),
        Call("POST", "/populate", [{"name": "s", **HOME, "enabled": None}]),
        Call("POST", "/populate", [{"name": "q", **HOME, "enabled": "x"}]),
        Call("POST", "/populate", [{"name": "s", **HOME}, {"name": "t", "listen": "127.0.0.1:0"}]),
        Call("GET", "/proxies"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", SEQUENCES)
def test_named_calls(ours: Any, shopify: Any, name: str) -> None:
    """Every call of the API with the inputs at its edges, one after the other on fresh proxies."""
    differences = []
    ports = free_ports(2)
    with without_proxies(ours, shopify):
        for call in SEQUENCES[name]:
            mine, theirs = (answer(one, call, port) for one, port in zip((ours, shopify), ports, strict=True))
            if mine != theirs:
                differences.append(f"{call.method} {call.path} {str(call.body)[:200]}\n  {mine}\n  {theirs}")
    assert not differences, "ours, then Shopify's:\n" + "\n".join(differences)


def test_the_same_config_file(own_server: Any, shopify: Any, tmp_path: Any) -> None:
    """`--config` makes what POST /populate with the same list makes."""
    items = [{"name": "a", **HOME}, {"name": "b", **HOME, "enabled": False}, {"Name": "c", **HOME, "toxics": []}]
    config = tmp_path / "proxies.json"
    config.write_text(json.dumps(items))
    mine = answer(own_server("--config", str(config)), Call("GET", "/proxies")).body
    with without_proxies(shopify):
        answer(shopify, Call("POST", "/populate", items))
        theirs = answer(shopify, Call("GET", "/proxies")).body
        assert mine == {name: theirs[name] for name in ("a", "b", "c")}


# Generated calls, over three proxies and three toxics, so that they meet. Left out is what docs/fault-proxy.md lists:
# values that crash Shopify's server, and changes of which one part is refused.

proxies = st.sampled_from(["g0", "g1", "g2"])
toxics = st.sampled_from(["t0", "t1", "t2"])
streams = st.sampled_from(["upstream", "downstream", "Upstream", "sideways", "", None])
scalars = st.one_of(
    st.integers(-10, 10),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([None, True, "5", "", [], {}, [1]]),
)
harmless = st.integers(0, 50)
KINDS: dict[str, tuple[str, ...]] = {
    "latency": ("latency", "jitter"),
    "bandwidth": ("rate",),
    "slow_close": ("delay",),
    "timeout": ("timeout",),
    "reset_peer": ("timeout",),
    "limit_data": ("bytes",),
    "noop": (),
    "latancy": (),
}


@st.composite
def new_toxic(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from([*KINDS, "slicer"]))
    body: dict[str, Any] = {"type": kind}
    if kind == "slicer":
        body["attributes"] = {"average_size": draw(st.integers(20, 50)), "size_variation": draw(st.integers(0, 19))}
    elif draw(st.booleans()):
        value = harmless if kind == "bandwidth" else st.one_of(harmless, scalars)
        names = st.sampled_from([*KINDS[kind], "unknown"])
        body["attributes"] = draw(st.dictionaries(names, value, max_size=3))
    body |= draw(st.fixed_dictionaries({}, optional={"name": toxics, "stream": streams, "toxicity": scalars}))
    return body


UPSTREAMS = st.sampled_from(["127.0.0.1:1", "127.0.0.1:2"])
ENABLED = st.booleans()
SOME_FIELDS = st.fixed_dictionaries({}, optional={"upstream": UPSTREAMS, "enabled": ENABLED})
CHANGES = st.one_of(
    st.fixed_dictionaries({"toxicity": scalars}),
    st.fixed_dictionaries({"attributes": st.dictionaries(st.sampled_from(["latency", "x"]), scalars, max_size=1)}),
)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    name = draw(proxies)
    proxy = f"/proxies/{name}"
    one = f"{proxy}/toxics/{draw(toxics)}"
    changing = draw(st.sampled_from(["POST", "PATCH"]))
    # Only one proxy wants a port of its own, so that none stands in another's way.
    spelt = ["127.0.0.1:PORT", "localhost:PORT"] if name == "g0" else []
    listen = draw(st.sampled_from(["127.0.0.1:0", *spelt]))
    whole = {"name": name, "listen": listen, "upstream": draw(UPSTREAMS)}
    match draw(st.integers(0, 15)):
        case 0 | 1 | 2:
            enabled: dict[str, Any] = draw(st.fixed_dictionaries({}, optional={"enabled": ENABLED}))
            return Call("POST", "/proxies", whole | enabled)
        case 3 | 4 | 5 | 6:
            return Call("POST", f"{proxy}/toxics", draw(new_toxic()))
        case 7 | 8:
            return Call(changing, one, draw(CHANGES))
        case 9:
            return Call(changing, proxy, draw(SOME_FIELDS))
        case 10:
            return Call("PATCH", proxy, {"listen": listen})
        case 11:
            return Call("POST", "/populate", [whole])
        case 12:
            return Call("POST", "/reset")
        case 13:
            return Call("DELETE", one)
        case 14:
            return Call("DELETE", proxy)
    return Call("GET", draw(st.sampled_from(["/proxies", proxy, f"{proxy}/toxics", one])))


@given(sequence=st.lists(calls(), min_size=10, max_size=60))
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,  # the same calls in every run of CI
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.large_base_example],
)
def test_generated_calls(ours: Any, shopify: Any, sequence: list[Call]) -> None:
    """Whatever the order, after each call both have answered alike."""
    ports = free_ports(2)
    with without_proxies(ours, shopify):
        for call in sequence:
            mine, theirs = (answer(one, call, port) for one, port in zip((ours, shopify), ports, strict=True))
            assert mine == theirs, call
