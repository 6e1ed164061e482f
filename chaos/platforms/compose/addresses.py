"""How this process dials what listens inside a container: as published, by the bridge, or through a tunnel."""

from __future__ import annotations

import os
import sys

from chaos.platforms.compose.engine import INSIDE_VARIABLE, Engine
from chaos.platforms.compose.project import Container
from chaos.platforms.compose.tunnel import tunnel


class Addresses:
    """Of one engine and project."""

    def __init__(self, engine: Engine, project: str) -> None:
        self._engine, self._project = engine, project
        self._bridged: bool | None = None

    def of(self, container: Container, port: int) -> str:
        """host:port; empty when it does not run or has no port. With `port` 0, its only one is meant."""
        port = port or _only(container)
        if not port or container.status not in ("running", "paused"):
            return ""
        if self._here and port in container.published:
            return container.published[port]
        if self._here and container.address and self._is_bridged():
            return f"{container.address}:{port}"
        return tunnel(self._engine, self._project, container.id, port)

    @property
    def _here(self) -> bool:
        """Is the engine's loopback this process's?"""
        return self._engine.endpoint.is_local and not os.environ.get(INSIDE_VARIABLE)

    def _is_bridged(self) -> bool:
        """Can a container's own address be dialled? Not where the engine has a machine of its own, as on a Mac, nor
        when it runs without root."""
        if self._bridged is None:
            info = self._engine.info()
            rootless = any("rootless" in option for option in info.get("SecurityOptions") or ())
            desktop = "Docker Desktop" in info.get("OperatingSystem", "")
            self._bridged = sys.platform == "linux" and not rootless and not desktop
        return self._bridged


def _only(container: Container) -> int:
    return container.exposed[0] if len(container.exposed) == 1 else 0
