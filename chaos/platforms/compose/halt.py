"""A halt that is kept with a target: an empty volume of a fixed name on its engine.

That it is there is what counts, not its labels: an operator may make it with `docker volume create` and remove it with
`docker volume rm`. It outlives our agent, the engine and the machine, and needs none of our images.
"""

from __future__ import annotations

from typing import Any

from chaos.model.halt import Halt, clean
from chaos.platforms.compose.engine import Engine

HALT_LABEL, BY_LABEL, SINCE_LABEL, REASON_LABEL = (
    "saleproof.halt",  # its value: the project that is halted
    "saleproof.halt.by",
    "saleproof.halt.since",
    "saleproof.halt.reason",
)


def name_of(project: str) -> str:
    return f"saleproof-halt-{project}"


def read(engine: Engine, project: str) -> Halt | None:
    """None when the project is not halted. Raises: Unavailable."""
    from docker.errors import NotFound

    with engine.calling(f"say whether '{project}' is halted") as client:
        try:
            found: dict[str, Any] = client.api.inspect_volume(name_of(project))
        except NotFound:
            return None
    labels = found.get("Labels") or {}
    return Halt(
        by=clean(labels.get(BY_LABEL, "")) or "somebody, by hand",
        since=clean(labels.get(SINCE_LABEL) or found.get("CreatedAt") or ""),
        reason=clean(labels.get(REASON_LABEL, "")),
    )


def write(engine: Engine, project: str, halt: Halt) -> Halt:
    """Halt it. When it is halted already, that halt stays. Returns the halt in force. Raises: Unavailable."""
    there = read(engine, project)
    if there is not None:
        return there
    labels = {HALT_LABEL: project, BY_LABEL: halt.by, SINCE_LABEL: halt.since, REASON_LABEL: halt.reason}
    with engine.calling(f"halt '{project}'") as client:
        # Of two that halt at the same time, the engine keeps the labels of the first.
        client.api.create_volume(name_of(project), labels=labels)
    return read(engine, project) or halt


def remove(engine: Engine, project: str) -> None:
    """Idempotent. Raises: Unavailable."""
    from docker.errors import NotFound

    with engine.calling(f"let runs on '{project}' go on") as client:
        try:
            client.api.remove_volume(name_of(project))
        except NotFound:
            return
