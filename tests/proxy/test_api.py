"""The HTTP API, on our server and on Shopify's alike: status codes, bodies, errors."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.integration

Make = Callable[..., Any]


def check_error(answer: tuple[int, str, bytes], status: int, message: str) -> None:
    got, content_type, body = answer
    assert got == status
    assert content_type.startswith("text/plain")
    value = json.loads(body)
    assert value["status"] == status
    assert value["error"].startswith(message)


def shown(text: bytes) -> Any:
    """A proxy as JSON, without the empty `Logger` that Shopify's 2.12 shows by accident."""
    value = json.loads(text)
    value.pop("Logger", None)
    for proxy in value.get("proxies") or ():
        proxy.pop("Logger", None)
    return value


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def test_version_is_json(server: Any) -> None:
    """A client can tell which server it is."""
    status, content_type, body = server.request("GET", "/version")
    assert status == 200
    assert content_type.replace(" ", "") == "application/json;charset=utf-8"
    version = json.loads(body)["version"]
    assert version.startswith("2.12.0+saleproof.") if server.kind == "ours" else "saleproof" not in version


def test_create_show_list_delete(server: Any) -> None:
    """201 with the real port, 200, 200, 204, 404."""
    body = {"name": "a -> b", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}
    status, content_type, text = server.request("POST", "/proxies", body)
    made = shown(text)
    assert status == 201
    assert content_type.startswith("application/json")
    assert made | {"listen": ""} == {**body, "listen": "", "enabled": True, "toxics": []}
    assert int(made["listen"].rpartition(":")[2]) > 0
    path = "/proxies/a%20-%3E%20b"
    assert shown(server.request("GET", path)[2]) == made
    assert json.loads(server.request("GET", "/proxies")[2])["a -> b"].items() >= made.items()
    status, _, text = server.request("DELETE", path)
    assert (status, text) == (204, b"")
    check_error(server.request("GET", path), 404, "proxy not found")
    check_error(server.request("DELETE", path), 404, "proxy not found")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "bad request body: "),
        (b"{", "bad request body: "),
        (b"[]", "bad request body: "),
        ({"name": 1, "upstream": "u"}, "bad request body: "),
        ({"name": "x", "upstream": "u", "enabled": "yes"}, "bad request body: "),
        ({"upstream": "127.0.0.1:1"}, "missing required field: name"),
        ({"name": "x"}, "missing required field: upstream"),
        (b"null", "missing required field: name"),
    ],
)
def test_a_bad_proxy_is_400(server: Any, body: Any, message: str) -> None:
    """Nothing is created."""
    check_error(server.request("POST", "/proxies", body), 400, message)
    assert "x" not in server.client.proxies()


def test_a_taken_name_is_409(server: Any, wire: Make) -> None:
    """The first proxy stays."""
    name = wire(server).name
    check_error(
        server.request("POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": "u:1"}),
        409,
        "proxy already exists",
    )


def test_a_busy_port_is_500(server: Any, wire: Make) -> None:
    """The message says what was tried; the proxy does not exist."""
    taken = wire(server)
    body = {"name": "late", "listen": taken.address, "upstream": "127.0.0.1:1"}
    check_error(server.request("POST", "/proxies", body), 500, f"listen tcp {taken.address}: ")
    assert server.client.proxy("late") is None


def test_a_disabled_proxy_is_created_without_listening(server: Any) -> None:
    """`enabled: false` keeps the address as it was given."""
    port = free_port()
    body = {"name": "off", "listen": f"127.0.0.1:{port}", "upstream": "127.0.0.1:1", "enabled": False}
    status, _, text = server.request("POST", "/proxies", body)
    assert status == 201
    assert shown(text) == {**body, "toxics": []}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    server.client.delete("off")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_update_changes_upstream_and_enabled(server: Any, wire: Make, method: str) -> None:
    """200 with the new state; what is absent stays."""
    made = wire(server)
    path = f"/proxies/{made.name}"
    status, _, text = server.request(method, path, {"upstream": "127.0.0.1:2"})
    assert status == 200
    assert json.loads(text)["upstream"] == "127.0.0.1:2"
    assert json.loads(text)["listen"] == made.address
    assert json.loads(text)["enabled"] is True
    assert json.loads(server.request(method, path, {"enabled": False})[2])["enabled"] is False
    assert json.loads(server.request(method, path, {"enabled": True})[2])["enabled"] is True
    check_error(server.request(method, path, b"{"), 400, "bad request body: ")
    check_error(server.request(method, "/proxies/nobody", {}), 404, "proxy not found")


DEFAULTS: dict[str, dict[str, int]] = {
    "latency": {"latency": 0, "jitter": 0},
    "bandwidth": {"rate": 0},
    "slow_close": {"delay": 0},
    "timeout": {"timeout": 0},
    "reset_peer": {"timeout": 0},
    "limit_data": {"bytes": 0},
    "noop": {},
}


@pytest.mark.parametrize("kind", DEFAULTS)
def test_every_toxic_has_its_defaults(server: Any, wire: Make, kind: str) -> None:
    """200 (not 201); downstream, toxicity 1, name TYPE_STREAM."""
    made = wire(server)
    status, _, text = server.request("POST", f"/proxies/{made.name}/toxics", {"type": kind})
    assert status == 200
    assert json.loads(text) == {
        "attributes": DEFAULTS[kind],
        "name": f"{kind}_downstream",
        "type": kind,
        "stream": "downstream",
        "toxicity": 1,
    }


def test_toxics_are_listed_upstream_first(server: Any, wire: Make) -> None:
    """In each stream in the order of insertion; also inside the proxy."""
    made = wire(server)
    made.toxic("latency", "downstream", name="d1", latency=1)
    made.toxic("slicer", "upstream", name="u1", average_size=10, size_variation=3, delay=5)
    made.toxic("bandwidth", "downstream", name="d2", toxicity=0.25, rate=5)
    names = [toxic["name"] for toxic in json.loads(server.request("GET", f"/proxies/{made.name}/toxics")[2])]
    assert names == ["u1", "d1", "d2"]
    assert [toxic.name for toxic in server.client.proxy(made.name).toxics] == names


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "bad request body: "),
        ({"type": "latency", "stream": "sideways"}, 400, "stream was invalid, can be either upstream or downstream"),
        ({"type": "latancy"}, 400, "invalid toxic type"),
        ({}, 400, "invalid toxic type"),
        ({"type": "latency", "attributes": {"latency": "1s"}}, 400, "bad request body: "),
        ({"type": "latency", "attributes": {"latency": 1.5}}, 400, "bad request body: "),
        ({"type": "latency", "attributes": {"latency": 2**63}}, 400, "bad request body: "),
        ({"type": "latency", "attributes": [1]}, 400, "bad request body: "),
        ({"type": "latency", "toxicity": "half"}, 400, "bad request body: "),
        ({"type": "noop", "name": "taken"}, 409, "toxic already exists"),
    ],
)
def test_a_bad_toxic_is_refused(server: Any, wire: Make, body: Any, status: int, message: str) -> None:
    """Nothing is added."""
    made = wire(server)
    made.toxic("latency", "upstream", name="taken", latency=1)
    check_error(server.request("POST", f"/proxies/{made.name}/toxics", body), status, message)
    assert len(server.client.proxy(made.name).toxics) == 1


def test_go_reads_json_leniently_and_so_do_we(server: Any, wire: Make) -> None:
    """Unknown keys are ignored, keys match in any case, null is the default: client libraries rely on it."""
    made = wire(server)
    body = b'{"Type": "latency", "extra": 1, "name": null, "attributes": {"LATENCY": 7, "latncy": 9}} trailing'
    status, _, text = server.request("POST", f"/proxies/{made.name}/toxics", body)
    assert status == 200
    assert json.loads(text)["attributes"] == {"latency": 7, "jitter": 0}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_toxic_is_changed_in_part(server: Any, wire: Make, method: str) -> None:
    """What is absent stays; name, type and stream cannot be changed."""
    made = wire(server)
    made.toxic("latency", name="l", latency=5, jitter=2)
    path = f"/proxies/{made.name}/toxics/l"
    status, _, text = server.request(method, path, {"attributes": {"jitter": 3}, "stream": "upstream", "name": "n"})
    assert status == 200
    assert json.loads(text) == {
        "attributes": {"latency": 5, "jitter": 3},
        "name": "l",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 1,
    }
    assert json.loads(server.request(method, path, {"toxicity": 0.5})[2])["toxicity"] == 0.5
    check_error(server.request(method, path, {"attributes": {"jitter": "x"}}), 400, "bad request body: ")
    check_error(server.request(method, path + "x", {}), 404, "toxic not found")


def test_a_toxic_is_shown_and_removed(server: Any, wire: Make) -> None:
    """200, 204, then 404."""
    made = wire(server)
    made.toxic("latency", name="l", latency=5)
    path = f"/proxies/{made.name}/toxics/l"
    assert server.request("GET", path)[0] == 200
    assert server.request("DELETE", path)[::2] == (204, b"")
    check_error(server.request("GET", path), 404, "toxic not found")
    check_error(server.request("DELETE", path), 404, "toxic not found")
    check_error(server.request("GET", "/proxies/nobody/toxics"), 404, "proxy not found")
    check_error(server.request("POST", "/proxies/nobody/toxics", {"type": "noop"}), 404, "proxy not found")


def test_populate_creates_keeps_and_replaces(server: Any) -> None:
    """201; an equal proxy keeps its toxics and its switch, a different one is made anew."""
    port = free_port()
    item = {"name": "pop", "listen": f"127.0.0.1:{port}", "upstream": "127.0.0.1:1"}
    status, _, text = server.request("POST", "/populate", [item])
    assert status == 201
    assert shown(text) == {"proxies": [{**item, "enabled": True, "toxics": []}]}
    server.request("POST", "/proxies/pop/toxics", {"type": "noop"})
    kept = json.loads(server.request("POST", "/populate", [{**item, "enabled": False}])[2])["proxies"][0]
    assert (kept["enabled"], len(kept["toxics"])) == (True, 1)
    fresh = json.loads(server.request("POST", "/populate", [{**item, "upstream": "127.0.0.1:2"}])[2])["proxies"][0]
    assert (fresh["upstream"], fresh["toxics"]) == ("127.0.0.1:2", [])
    server.client.delete("pop")


def test_a_bad_populate_touches_nothing(server: Any) -> None:
    """400 with an empty list, before the first proxy is made."""
    items = [{"name": "first", "listen": "127.0.0.1:0", "upstream": "u:1"}, {"name": "second"}]
    status, content_type, text = server.request("POST", "/populate", items)
    assert status == 400
    assert content_type.startswith("application/json")
    assert json.loads(text) == {
        "error": "missing required field: upstream at proxy 2",
        "status": 400,
        "proxies": None,
    }
    assert server.client.proxy("first") is None


def test_reset_enables_and_removes_toxics(own_server: Make, upstream: Make) -> None:
    """204; every proxy is on, none has a toxic."""
    server = own_server()
    server.client.create("one", "127.0.0.1:0", upstream("echo").address)
    server.client.create("two", "127.0.0.1:0", upstream("echo").address, enabled=False)
    server.request("POST", "/proxies/one/toxics", {"type": "latency", "attributes": {"latency": 5}})
    assert server.request("POST", "/reset")[::2] == (204, b"")
    assert [(state.enabled, state.toxics) for state in server.client.proxies().values()] == [(True, ())] * 2


def test_unknown_paths_and_methods(server: Any) -> None:
    """404 and 405."""
    assert server.request("GET", "/nothing")[0] == 404
    assert server.request("DELETE", "/proxies")[0] == 405
    assert server.request("HEAD", "/proxies")[0] == 405


def test_browsers_are_kept_out(server: Any) -> None:
    """403 for a Mozilla user agent: a web page must not be able to break things."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
        sock.sendall(b"GET /proxies HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/5.0\r\nConnection: close\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 403 ")
