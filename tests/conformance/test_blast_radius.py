"""Only its own: what looks like a part of the target and is none is never touched, whatever is done to the target."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import composeshop
import pytest
from cases import OFFERED, small

from chaos import faults
from chaos.engine.ledger import Entry, Ledger
from chaos.engine.revert import revert_all
from chaos.faults import FAULTS
from chaos.platforms.compose import agent, image, project
from chaos.platforms.compose.project import NUMBER_LABEL, ONE_OFF_LABEL, PROJECT_LABEL, SERVICE_LABEL

pytestmark = [pytest.mark.integration, pytest.mark.docker]
CONTAINED = [kind for kind, fault in FAULTS.items() if fault.needs.__name__ in OFFERED["compose"]]


def labels(name: str, service: str) -> dict[str, str]:
    """As Docker Compose labels a container."""
    return {PROJECT_LABEL: name, SERVICE_LABEL: service, NUMBER_LABEL: "1", ONE_OFF_LABEL: "False"}


@contextlib.contextmanager
def decoys(shop: composeshop.ComposeShop) -> Iterator[dict[str, str]]:
    """name -> id of containers that run beside the target: of its images, named and labelled almost like its own."""
    like = {
        f"{shop.project}-x-web-1": {},
        f"{shop.project}-web-2": {},
        f"{shop.project}2-web-1": labels(f"{shop.project}2", "web"),
        f"{shop.project}2-cache-1": labels(f"{shop.project}2", "cache"),
        f"{shop.project}2-toxiproxy-1": labels(f"{shop.project}2", "toxiproxy"),
        f"{shop.project}-bystander-1": labels(shop.project, "bystander"),
        f"saleproof-agent-{shop.project}2": {agent.AGENT_LABEL: f"{shop.project}2"},
    }
    client, made = shop.engine.client, {}
    try:
        for name, labelled in like.items():
            made[name] = client.containers.run(
                image.tag(), ["sleep", "infinity"], name=name, detach=True, labels=labelled, init=True
            ).id
        yield made
    finally:
        for one in made.values():
            client.api.remove_container(one, force=True, v=True)


def test_decoys_are_never_touched(tmp_path: Path) -> None:
    """Every fault is injected and reverted, the last ones by `recover`; then the agent is released and the target taken
    down. What `docker inspect` says of each decoy is the same all the time."""
    with composeshop.running() as shop, decoys(shop) as others:

        def look() -> dict[str, Any]:
            return {name: project.raw(shop.engine, one) for name, one in others.items()}

        before = look()
        assert all(found["State"]["Running"] for found in before.values())
        planned = shop.inventory()
        assert {one.what for one in planned.instances.values()} == {
            f"container {shop.project}-{service}-1" for service in ("edge", "web", "cache")
        }
        ledger = Ledger(tmp_path / "ledger")
        for kind in CONTAINED:
            fault, where = small(kind)
            if fault.needs.__name__ not in planned.capabilities:
                continue
            undo = fault.prepare(where, shop)
            entry = Entry(run="run", fault=kind, place=where, target="conformance", undo=undo)
            ledger.open(entry)
            try:
                fault.inject(undo, shop)
            finally:
                stuck = revert_all(ledger, [entry], by="recover", at_s=time.monotonic, emit=lambda event: None)
            assert not stuck
            assert not faults.is_present(undo)
            assert look() == before, kind
        shop.release()
        assert look() == before
        shop.down()
        assert look() == before
        left = {one.name for one in project.containers(shop.engine, shop.project)}
        assert left == {f"{shop.project}-bystander-1"}
