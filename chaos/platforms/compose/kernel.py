"""What the kernel of the engine's machine can do, found out without leaving anything there."""

from __future__ import annotations

import json

from chaos.errors import Unavailable
from chaos.platforms.compose import agent, image
from chaos.platforms.compose.engine import Engine

_netem: dict[str, bool] = {}  # endpoint -> its kernel's answer


def has_netem(engine: Engine, project: str) -> bool:
    """The network emulator. Tried in the agent where one runs, else in a container that is gone after half a second;
    once a process. Yes where Saleproof's image is not there yet, since building it takes too long for a question: the
    faults that need it ask again. Raises: Unavailable."""
    key = str(engine.endpoint)
    if key not in _netem:
        if agent.find(engine, project) is not None:
            _netem[key] = bool(agent.Agent(engine, project).call("netem"))
        elif image.is_there(engine):
            _netem[key] = _tried(engine)
        else:
            return True
    return _netem[key]


def _tried(engine: Engine) -> bool:
    with engine.calling("try what its kernel has") as client:
        said = client.containers.run(
            image.tag(), ["python3", "-m", "chaos.agent", "netem"], network_mode="none", cap_drop=["ALL"],
            cap_add=["NET_ADMIN"], remove=True,
        )  # fmt: skip
    try:
        return bool(json.loads(said)["result"])
    except (ValueError, KeyError) as cause:
        raise Unavailable(f"what the engine's kernel has cannot be told: {said.decode(errors='replace')}") from cause
