"""The torture's target in containers: a Compose project of its own."""

from __future__ import annotations

import uuid
from dataclasses import replace
from functools import cached_property
from typing import Any

from ..offline_images import variables
from .containers import Containers, has_netem
from .draw import COMPOSE, NETEM, Odds
from .ground import HERE, ROOT, Ground
from .outside import Outside

FILES = ROOT / "tests" / "conformance" / "compose.yaml"


def odds() -> Odds:
    """Without the faults that this machine's kernel has not got."""
    lacking = () if has_netem() else NETEM
    return replace(COMPOSE, faults={fault: keys for fault, keys in COMPOSE.faults.items() if fault not in lacking})


class ComposeGround(Ground):
    """Up while entered, on this machine's Docker engine. Afterwards nothing is left of it."""

    platform = "compose"
    # One look asks the engine and the kernel a dozen things.
    look_every_s = 0.1
    quiet_s = 3.0

    def __init__(self) -> None:
        self.odds = odds()
        self.project = f"saleproof-torture-{uuid.uuid4().hex[:6]}"

    @cached_property
    def images(self) -> dict[str, str]:
        from chaos.platforms.compose import image
        from chaos.platforms.compose.engine import connect

        return {**variables(), "TINY_IMAGE": image.ensure(connect())}

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self.images}

    def seen(self, status: dict[str, Any]) -> Outside:
        found = Containers(
            state=self.state, api=status["proxy_api"], project=self.project, file=self.folder / "disturbed",
            switch=next(one["address"] for one in status["services"] if one["name"] == "edge"),
            proxies=frozenset(link["name"] for link in status["links"]),
        )  # fmt: skip
        found.remember()
        return found

    def kill_agent(self) -> bool:
        assert isinstance(self.outside, Containers)
        return self.outside.kill_agent()

    def _write_target(self) -> None:
        text = (HERE / "compose.yaml").read_text().replace("PROJECT", self.project).replace("FILES", str(FILES))
        (self.folder / "target.yaml").write_text(text)
