"""Where targets run. The registry of platforms; each is imported only when it is used."""

from __future__ import annotations

from typing import Any

from chaos.errors import Unavailable
from chaos.model.platform import ServiceControl

PLATFORMS: tuple[str, ...] = ("embedded",)


def service_control(control: dict[str, Any]) -> ServiceControl:
    """The way to a target's services from any process, from the data of `Platform.control()`. Raises: Unavailable."""
    if control.get("platform") == "embedded":
        from chaos.platforms.embedded.control import EmbeddedControl

        return EmbeddedControl(control)
    raise Unavailable(f"no way to control services on the platform {control.get('platform')!r}")
