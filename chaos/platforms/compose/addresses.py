"""How this process dials what listens inside a container: as published, by the bridge, or through a tunnel."""

from __future__ import annotations

import os
import sys

from chaos.platforms.compose import forward
from chaos.platforms.compose.engine import INSIDE_VARIABLE, Engine
from chaos.platforms.compose.project import Container
from chaos.platforms.compose.tunnel import tunnel


class Addresses:
    """Of one engine and project."""

    def __init__(self, engine: Engine, project: str) -> None:
        self._engine, self._project = engine, project
        self._bridged: bool | None = None

    def of(self, container: Container, port: int, *, traffic: bool = False) -> str:
        """host:port; empty when it does not run or has no port. With `port` 0, its only one is meant. For `traffic`,
        only what can carry it: a tunnel through the engine starts a process for each connection. Raises: Unavailable.
        """
        port = port or _only(container)
        if not port or container.status not in ("running", "paused"):
            return ""
        found = self._directly(container, port)
        if found or traffic:
            return found
        return tunnel(self._engine, self._project, container.id, port)

    def _directly(self, container: Container, port: int) -> str:
        """Without our agent's help; empty when there is no such way."""
        published = container.published.get(port, "")
        endpoint = self._engine.endpoint
        if self._here:
            if published:
                return published
            return f"{container.address}:{port}" if container.address and self._is_bridged() else ""
        if os.environ.get(INSIDE_VARIABLE) or not published:
            return ""
        outside = int(published.rpartition(":")[2])
        if port in container.open and not endpoint.is_ssh:
            return f"{endpoint.machine}:{outside}"
        return forward.port(endpoint.host, outside) if endpoint.is_ssh else ""

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
