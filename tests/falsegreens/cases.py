"""The eight false greens, each as the stock Chaos Toolkit makes it, and the same through ours.

Where the fault of the stock engine is in what it does with a file, ours runs that very file; where it is in the
engine's own machinery (safeguards, fail-fast, `kill -9`), ours runs an experiment of its own that means the same.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..e2e.small import Small
from .engines import Seen, own, plain, stock
from .stubborn import Switch, system

Both = tuple[Seen, Seen]


@dataclass(frozen=True, kw_only=True)
class Case:
    """`green` is true of what the stock engine does wrong, `caught` of what ours does instead."""

    name: str
    says: str
    run: Callable[[Path, Small], Both]
    green: Callable[[Seen], bool]
    caught: Callable[[Seen], bool]


def request(name: str, method: str, address: str, path: str = "/", **more: Any) -> dict[str, Any]:
    provider = {"type": "http", "url": f"http://{address}{path}", "method": method, "timeout": 3}
    return {"type": "action", "name": name, "provider": provider, **more}


def sleep(seconds: int) -> dict[str, Any]:
    return {"type": "action", "name": "wait", "provider": {
        "type": "process", "path": "sleep", "arguments": str(seconds)}}  # fmt: skip


def probe(address: str, path: str = "/", status: int = 404) -> dict[str, Any]:
    """Well is who answers so: 404 while the fault is off."""
    return {**request("the shop is well", "GET", address, path), "type": "probe", "tolerance": status}


def experiment(address: str, **parts: Any) -> dict[str, Any]:
    """The fault is switched on for two seconds, and off again by the rollback."""
    return {
        "version": "1.0.0", "title": "a false green", "description": "d",
        "steady-state-hypothesis": {"title": "well", "probes": [probe(address, "/alive", 200)]},
        "method": [request("on", "PUT", address), sleep(2)],
        "rollbacks": [request("off", "DELETE", address)], **parts,
    }  # fmt: skip


def safeguard(frequency_s: float, guarded: dict[str, Any]) -> list[dict[str, Any]]:
    arguments = {"probes": [{**guarded, "frequency": frequency_s}]}
    module = "chaosaddons.controls.safeguards"
    return [{"name": "guard", "provider": {"type": "python", "module": module, "arguments": arguments}}]


def switch(shop: Small, lasts: str) -> str:
    url = f"'http://{shop.outside.switch}/switch'"
    return (
        f"http: {{send: {{url: {url}, method: PUT}}, undo: {{url: {url}, method: DELETE}}, check: {{url: {url}}}, "
        f"for: {lasts}}}"
    )


class Down(Switch):
    """The fault is that the web servers are down."""

    def __init__(self, shop: Small) -> None:
        super().__init__(shop.outside.switch)
        self._shop = shop

    @property
    def broken(self) -> bool:
        return bool(self._shop.outside.broken())


def nobody() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def t1(folder: Path, shop: Small) -> Both:
    with system() as one:
        body = experiment(one.address)
        body["steady-state-hypothesis"]["probes"] = [probe(one.address)]
        body["method"].append(request("off", "DELETE", one.address))
        body["runtime"] = {"hypothesis": {"strategy": "continuously", "frequency": 0.4}}
        words = ("--hypothesis-strategy", "continuously", "--hypothesis-frequency", "0.4")
        return stock(folder, body, one, *words), plain(shop, body, one)


def t2(folder: Path, shop: Small) -> Both:
    with system() as one, system() as other:
        bodies = [experiment(s.address, method=[request("on", "PUT", s.address), sleep(5)],
                             controls=safeguard(0.5, probe(s.address))) for s in (one, other)]  # fmt: skip
        return stock(folder, bodies[0], one), plain(shop, bodies[1], other)


def t3(folder: Path, shop: Small) -> Both:
    with system() as one:
        body = experiment(one.address, method=[request("on", "PUT", one.address), sleep(4)])
        # Nobody answers, so there is no status to compare: that raises in the safeguard's thread, which dies.
        broken = {**probe(nobody()), "tolerance": {"type": "range", "target": "status", "range": [200, 299]}}
        first = stock(folder, body | {"controls": safeguard(0.5, broken)}, one, "--rollback-strategy", "always")
    # The fault takes away what the guard reads.
    return first, own(shop, Down(shop), "kill: {service: web, for: 20s}", "web-up > 500")


def t4(folder: Path, shop: Small) -> Both:
    with system() as one:
        body = experiment(one.address, method=[request("on", "PUT", one.address), sleep(12)])
        first = stock(
            folder, body | {"controls": safeguard(4, probe(one.address))}, one, "--rollback-strategy", "always"
        )
    return first, own(shop, Switch(shop.outside.switch), switch(shop, "12s"), "switched < 300")


def t5(folder: Path, shop: Small) -> Both:
    with system() as one:
        body = experiment(one.address, method=[request("on", "PUT", one.address), sleep(8)])
        body["steady-state-hypothesis"]["probes"] = [probe(one.address)]
        words = ("--hypothesis-strategy", "continuously", "--hypothesis-frequency", "0.4", "--fail-fast")
        first = stock(folder, body, one, *words, "--rollback-strategy", "always")
    return first, own(shop, Switch(shop.outside.switch), switch(shop, "8s"), "switched < 300")


def t6(folder: Path, shop: Small) -> Both:
    with system() as one:
        away = nobody()
        body = experiment(one.address, method=[request("on", "PUT", away)], rollbacks=[request("off", "DELETE", away)])
        return stock(folder, body, one), plain(shop, body, one)


def t7(folder: Path, shop: Small) -> Both:
    with system(stubborn=True) as one, system(stubborn=True) as other:
        first = stock(folder, experiment(one.address), one, "--rollback-strategy", "always")
        return first, plain(shop, experiment(other.address), other)


def t8(folder: Path, shop: Small) -> Both:
    with system() as one:
        body = experiment(one.address, method=[request("on", "PUT", one.address), sleep(6)])
        first = stock(folder, body, one, "--rollback-strategy", "always", kill=True)
    return first, own(shop, Switch(shop.outside.switch), switch(shop, "20s"), kill=True)


CASES = (
    Case(
        name="T1", says="the hypothesis fails during the fault only", run=t1,
        green=lambda seen: seen.exit == 0, caught=lambda seen: seen.exit == 1,
    ),
    Case(
        name="T2", says="a safeguard aborts: the default strategy skips the rollbacks", run=t2,
        green=lambda seen: seen.left, caught=lambda seen: seen.exit != 0 and not seen.left,
    ),
    Case(
        name="T3", says="the guard's own probe breaks", run=t3,
        green=lambda seen: seen.exit == 0, caught=lambda seen: seen.exit == 2 and (seen.on_s or 99) < 8,
    ),
    Case(
        name="T4", says="a guard that looks every 4 s, the breach at once", run=t4,
        green=lambda seen: (seen.on_s or 0) >= 4, caught=lambda seen: seen.exit == 1 and (seen.on_s or 99) < 3,
    ),
    Case(
        name="T5", says="fail-fast, while an action of 8 s runs", run=t5,
        green=lambda seen: (seen.on_s or 0) >= 8, caught=lambda seen: seen.exit == 1 and (seen.on_s or 99) < 3,
    ),
    Case(
        name="T6", says="injection and rollback fail, the shop is well", run=t6,
        green=lambda seen: seen.exit == 0, caught=lambda seen: seen.exit == 3,
    ),
    Case(
        name="T7", says="the rollback is answered 503", run=t7,
        green=lambda seen: seen.exit == 0 and seen.left, caught=lambda seen: seen.exit == 3,
    ),
    Case(
        name="T8", says="`kill -9` of the runner", run=t8,
        green=lambda seen: seen.left and not seen.recorded,
        caught=lambda seen: seen.recorded and not seen.left and (seen.on_s or 99) < 5,
    ),
)  # fmt: skip
