"""From a target file to what runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chaos.errors import SpecError
from chaos.model.target import Target
from chaos.platforms.embedded.layout import Folder
from chaos.platforms.embedded.records import Resolved
from chaos.platforms.embedded.resolve import resolve


def resolved(target: Target, tmp_path: Path, variant: str = "default") -> Resolved:
    found, reservation = resolve(target, variant, Folder(tmp_path / target.name))
    reservation.close()
    return found


def shop(build: Any, **changes: Any) -> Target:
    services = {
        "db": build.service(),
        "web": build.service("{link:db}", env={"ME": "{instance} {index} {variant}", "DIR": "{state}"}, after=("db",)),
        "edge": build.service("{link:web}", "{port:admin}", after=("web",)),
    }
    links = (("web", "db"), ("edge", "web"))
    found = build.target(
        services, links=links, slots={"web": (2, 3)}, sql={"db": "postgresql://{direct:db}/x"}, **changes
    )
    assert isinstance(found, Target)
    return found


def test_every_slot_has_ports_and_every_link_its_proxies(build: Any, tmp_path: Path) -> None:
    """One proxy per client instance and server instance, spare slots included, each with a port of its own."""
    found = resolved(shop(build), tmp_path)
    assert [spec.name for spec in found.instances] == ["db", "web-1", "web-2", "web-3", "edge"]
    assert [spec.spare for spec in found.instances] == [False, False, False, True, False]
    names = ["web-1 -> db", "web-2 -> db", "web-3 -> db", "edge -> web-1", "edge -> web-2", "edge -> web-3"]
    assert [proxy.name for proxy in found.proxies] == names
    assert found.proxies[4].upstream == found.spec("web-2").address
    ports = found.all_ports()
    assert len(set(ports)) == len(ports) == 5 + 1 + 6 + 1


def test_the_variables(build: Any, tmp_path: Path) -> None:
    """Links lead through the own proxies, `direct` past them; several instances are separated by commas."""
    found = resolved(shop(build, variants=("default", "fragile")), tmp_path, "fragile")
    web, edge = found.spec("web-2"), found.spec("edge")
    listen = {proxy.name: proxy.listen for proxy in found.proxies}
    assert web.run[-1] == listen["web-2 -> db"]
    assert web.env["ME"] == "web-2 2 fragile"
    assert web.env["DIR"] == str(tmp_path / "corner-shop" / "data" / "web-2")
    assert edge.run[-2] == ",".join(listen[f"edge -> web-{n}"] for n in (1, 2, 3))
    assert edge.run[-1] == str(edge.ports["admin"])
    assert found.sql == {"db": f"postgresql://{found.spec('db').address}/x"}
    assert edge.after == ("web-1", "web-2")


def test_the_environment_is_small(build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person has in their shell does not reach the services; the target's package does."""
    monkeypatch.setenv("SHOP_VARIANT", "from-the-shell")
    found = resolved(shop(build, path=str(tmp_path / "checkout" / "targets" / "x.yaml")), tmp_path)
    env = found.spec("db").env
    assert "SHOP_VARIANT" not in env
    assert env["PYTHONPATH"] == str(tmp_path / "checkout")
    assert env["SALEPROOF_INSTANCE"] == "db"


def test_what_is_wrong_is_said(build: Any, tmp_path: Path) -> None:
    """Each with its place and the nearest word, before anything is started."""
    one = build.service()
    cases = {
        "unknown variant 'frgile'.*'fragile'": (build.target({"a": one}, variants=("fragile",)), "frgile"),
        "a.after: unknown service 'bb'": (build.target({"a": build.service(after=("bb",)), "b": one}), "default"),
        "circle: a -> b -> a": (
            build.target({"a": build.service(after=("b",)), "b": build.service(after=("a",))}),
            "default",
        ),
        "unknown service 'c'": (build.target({"a": one}, links=(("a", "c"),)), "default"),
        r"a.run: unknown variable '\{link:b\}'": (build.target({"a": build.service("{link:b}"), "b": one}), "default"),
        "has no platforms.embedded": (Target(name="x", services={}), "default"),
        "fault-proxy": (build.target({"fault-proxy": one}), "default"),
    }
    for message, (target, variant) in cases.items():
        with pytest.raises(SpecError, match=message):
            resolved(target, tmp_path, variant)
