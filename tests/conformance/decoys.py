"""Containers that look like a part of the target and are none: they are never to be touched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from chaos.platforms.compose import agent, image
from chaos.platforms.compose.engine import Engine
from chaos.platforms.compose.project import NUMBER_LABEL, ONE_OFF_LABEL, PROJECT_LABEL, SERVICE_LABEL


def labels(project: str, service: str) -> dict[str, str]:
    """As Docker Compose labels a container."""
    return {PROJECT_LABEL: project, SERVICE_LABEL: service, NUMBER_LABEL: "1", ONE_OFF_LABEL: "False"}


@contextlib.contextmanager
def decoys(engine: Engine, project: str) -> Iterator[dict[str, str]]:
    """name -> id: of the target's own image, named and labelled almost like its own."""
    like = {
        f"{project}-x-web-1": {},
        f"{project}-web-2": {},
        f"{project}2-web-1": labels(f"{project}2", "web"),
        f"{project}2-cache-1": labels(f"{project}2", "cache"),
        f"{project}2-toxiproxy-1": labels(f"{project}2", "toxiproxy"),
        f"{project}-bystander-1": labels(project, "bystander"),
        f"saleproof-agent-{project}2": {agent.AGENT_LABEL: f"{project}2"},
    }
    made = {}
    try:
        for name, labelled in like.items():
            words = ["sleep", "infinity"]
            found = engine.client.containers.run(
                image.tag(), words, name=name, detach=True, labels=labelled, init=True, network_mode="none"
            )
            made[name] = found.id
        yield made
    finally:
        for one in made.values():
            engine.client.api.remove_container(one, force=True, v=True)
