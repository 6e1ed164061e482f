"""The fault proxy's client: an adapter over `toxiproxy-python` that drives our server and Shopify's alike.

The library keeps its server's address in a class, has no timeouts and takes a 5xx for success. Here each client has a
class of its own, every call has a timeout, every failure is raised, and what was changed is read back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import quote

from chaos.errors import UsageError, nearest
from chaos.proxy.errors import ProxyNotFound, ProxyRefused, ProxyUnavailable
from chaos.proxy.values import ProxyState, Stream, ToxicSpec

DEFAULT_TIMEOUT_S = 2.0

# Toxiproxy gives up on a blocked write after 5 s (its link.go), so a stuck DELETE can come free within that.
STUCK_ATTEMPTS = 3

# Toxiproxy keeps a toxicity as a float32.
TOXICITY_TOLERANCE = 1e-6


class ToxiproxyClient:
    """One fault proxy server. `address` is the API's `host:port`. Thread-safe: it keeps no connection."""

    def __init__(self, address: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        host, colon, port = address.removeprefix("http://").rstrip("/").rpartition(":")
        if not colon or not host or not port.isdigit():
            raise UsageError(f"{address!r} is not the address of a fault proxy; write host:port, as in 127.0.0.1:8474")
        self.address = f"{host}:{port}"
        self.timeout_s = timeout_s
        self._host = host
        self._port = int(port)
        self._class: Any = None

    # The server.

    def version(self) -> str:
        """Shopify's says `git` when it was built by `go install`; ours `2.12.0+saleproof...`."""
        return str(self._call("get", "/version").get("version", ""))

    def proxies(self) -> dict[str, ProxyState]:
        return {name: _state(value) for name, value in self._call("get", "/proxies").items()}

    # Proxies.

    def proxy(self, name: str) -> ProxyState | None:
        try:
            return _state(self._call("get", _path(name)))
        except ProxyNotFound:
            return None

    def create(self, name: str, listen: str, upstream: str, enabled: bool = True) -> ProxyState:
        """Make a proxy; a `listen` port of 0 picks a free one. Raises: ProxyRefused for a taken name."""
        body = {"name": name, "listen": listen, "upstream": upstream, "enabled": enabled}
        return _state(self._call("post", "/proxies", body))

    def set_enabled(self, name: str, enabled: bool) -> ProxyState:
        """Switch a proxy and read it back. Raises: ProxyNotFound, ProxyUnavailable when it did not switch."""
        self._call("post", _path(name), {"enabled": enabled})
        state = self._known(name)
        if state.enabled != enabled:
            wanted = "enabled" if enabled else "disabled"
            raise ProxyUnavailable(f"the fault proxy at {self.address} says that {name!r} is not {wanted}")
        return state

    def delete(self, name: str) -> None:
        """Remove a proxy. One that is not there is fine."""
        try:
            self._call("delete", _path(name))
        except ProxyNotFound:
            return
        if self.proxy(name) is not None:
            raise ProxyUnavailable(f"the fault proxy at {self.address} still has {name!r} after deleting it")

    # Toxics.

    def toxic(self, proxy: str, name: str) -> ToxicSpec | None:
        """The toxic, or None: also when the whole proxy is not there."""
        try:
            return _spec(self._call("get", _path(proxy, name)))
        except ProxyNotFound:
            return None

    def add_toxic(self, proxy: str, toxic: ToxicSpec) -> ToxicSpec:
        """Add a toxic and read it back, with its defaults filled in.

        Raises: ProxyNotFound without such a proxy; ProxyRefused when the server refused it, or lost or changed a part
        of it (it was then removed again); ProxyUnavailable.
        """
        body = {
            "name": toxic.name,
            "type": toxic.type,
            "stream": toxic.stream,
            "toxicity": toxic.toxicity,
            "attributes": dict(toxic.attributes),
        }
        self._call("post", f"{_path(proxy)}/toxics", body)
        got = self.toxic(proxy, toxic.name)
        problem = "it is not there" if got is None else _difference(toxic, got)
        if got is None or problem:
            self.remove_toxic(proxy, toxic.name)
            raise ProxyRefused(
                f"the fault proxy at {self.address} took the {toxic.type} toxic {toxic.name!r} of {proxy!r}, "
                f"but {problem}"
            )
        return got

    def remove_toxic(self, proxy: str, name: str, *, known: ProxyState | None = None) -> None:
        """Remove a toxic for certain. One that is not there, or whose proxy is not, is fine.

        Where the server is stuck on a peer that does not read (Shopify/toxiproxy#558), the proxy is disabled for a
        moment, which closes its connections; where even that does not help, it is deleted and made anew with its other
        toxics, from its present state or else from `known`, an earlier one.
        Raises: ProxyUnavailable, when the toxic may still be there.
        """
        try:
            state = self.proxy(proxy)
        except ProxyUnavailable:
            if known is None:
                raise
            # A server that is stuck on one proxy still says its version. One that says nothing at all (stopped, or
            # too busy) would only cost a timeout for each call of each way.
            self.version()
            state = known
        else:
            if state is None or state.toxic(name) is None:
                return
        ways: tuple[Callable[[ProxyState, str], None], ...] = (self._delete_toxic, self._free_toxic, self._remake)
        failures: list[str] = []
        for way in ways:
            try:
                way(state, name)
            except (ProxyUnavailable, ProxyRefused) as error:
                failures.append(str(error))
            else:
                return
        raise ProxyUnavailable(
            f"toxic {name!r} of {proxy!r} could not be removed: {'; '.join(dict.fromkeys(failures))}"
        )

    # The ways to remove a toxic.

    def _delete_toxic(self, state: ProxyState, name: str) -> None:
        try:
            self._call("delete", _path(state.name, name))
        except ProxyNotFound:
            return
        if self.toxic(state.name, name) is not None:
            raise ProxyUnavailable(f"the fault proxy at {self.address} still has it after deleting it")

    def _free_toxic(self, state: ProxyState, name: str) -> None:
        """Disable, delete, enable."""
        try:
            for attempt in range(STUCK_ATTEMPTS):
                try:
                    # Shopify's closes the connections before its answer, which may itself come too late.
                    self._call("post", _path(state.name), {"enabled": False})
                    self._delete_toxic(state, name)
                except ProxyUnavailable:
                    if attempt == STUCK_ATTEMPTS - 1:
                        raise
                else:
                    break
        finally:
            if state.enabled:
                self.set_enabled(state.name, True)

    def _remake(self, state: ProxyState, name: str) -> None:
        """Delete the proxy and create it again with its other toxics."""
        self.delete(state.name)
        self.create(state.name, state.listen, state.upstream, state.enabled)
        for other in state.toxics:
            if other.name != name:
                self.add_toxic(state.name, other)

    # The wire.

    def _known(self, name: str) -> ProxyState:
        state = self.proxy(name)
        if state is None:
            raise ProxyNotFound(f"the fault proxy at {self.address} has no proxy {name!r}")
        return state

    def _api(self) -> Any:
        if self._class is None:
            from toxiproxy.api import APIConsumer

            # A class of this client's own: the library's holds host and port for everybody.
            self._class = type("Api", (APIConsumer,), {"host": self._host, "port": self._port})
        return self._class

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        import requests
        from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

        # The proxies argument keeps a HTTP_PROXY of the environment out of the way.
        options: dict[str, Any] = {"timeout": self.timeout_s, "proxies": {"no_proxy": "*"}}
        if body is not None:
            options["json"] = body
        what = f"the fault proxy at {self.address}"
        try:
            answer = getattr(self._api(), method)(path, **options)
        except NotFound as error:
            raise ProxyNotFound(f"{what}: {_message(error)} ({path})") from error
        except (InvalidToxic, ProxyExists) as error:
            raise ProxyRefused(f"{what}: {_message(error)} ({path})") from error
        except requests.exceptions.Timeout as error:
            raise ProxyUnavailable(f"{what} did not answer within {self.timeout_s:g} s ({path})") from error
        except requests.exceptions.RequestException as error:
            raise ProxyUnavailable(f"{what} cannot be reached: {error}") from error
        if answer.status_code >= 500:
            raise ProxyUnavailable(f"{what}: {answer.status_code} {_text(answer.content)} ({path})")
        if answer.status_code >= 400:
            raise ProxyRefused(f"{what}: {answer.status_code} {_text(answer.content)} ({path})")
        if not answer.content:
            return {}
        try:
            value = answer.json()
        except ValueError as error:
            raise ProxyUnavailable(f"{what}: {path} did not answer with JSON; is it a Toxiproxy?") from error
        if not isinstance(value, dict):
            raise ProxyUnavailable(f"{what}: {path} answered with something else than an object; is it a Toxiproxy?")
        return cast(dict[str, Any], value)


def _path(proxy: str, toxic: str | None = None) -> str:
    path = f"/proxies/{quote(proxy, safe='')}"
    return path if toxic is None else f"{path}/toxics/{quote(toxic, safe='')}"


def _message(error: Exception) -> str:
    content = error.args[0] if error.args else b""
    return _text(content if isinstance(content, bytes) else str(content).encode())


def _text(content: bytes) -> str:
    text = content.decode(errors="replace").strip()
    try:
        value = json.loads(text)
    except ValueError:
        return text[:200]
    return str(value.get("error", text)) if isinstance(value, dict) else text[:200]


def _spec(value: dict[str, Any]) -> ToxicSpec:
    from toxiproxy.toxic import Toxic

    toxic = Toxic(**value)
    return ToxicSpec(
        name=toxic.name,
        type=toxic.type,
        stream=cast(Stream, toxic.stream),
        toxicity=float(toxic.toxicity),
        attributes=dict(toxic.attributes),
    )


def _state(value: dict[str, Any]) -> ProxyState:
    from toxiproxy.proxy import Proxy

    proxy = Proxy(**value)
    return ProxyState(
        name=proxy.name,
        listen=proxy.listen,
        upstream=proxy.upstream,
        enabled=bool(proxy.enabled),
        toxics=tuple(_spec(toxic) for toxic in value.get("toxics") or ()),
    )


def _difference(wanted: ToxicSpec, got: ToxicSpec) -> str:
    """What of a toxic was lost or changed on the way; empty when nothing was."""
    if (wanted.type, wanted.stream) != (got.type, got.stream):
        return f"it is now {got.type}, {got.stream} instead of {wanted.type}, {wanted.stream}"
    if abs(wanted.toxicity - got.toxicity) > TOXICITY_TOLERANCE:
        return f"its toxicity is now {got.toxicity:g} instead of {wanted.toxicity:g}"
    for key, value in wanted.attributes.items():
        if key not in got.attributes:
            return f"it dropped the attribute {key!r}.{nearest(key, got.attributes)}"
        if got.attributes[key] != value:
            return f"its {key} is now {got.attributes[key]} instead of {value}"
    return ""
