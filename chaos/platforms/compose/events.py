"""What an engine has told of a container since it was started: `oom`, `die`."""

from __future__ import annotations

import json

from chaos.platforms.compose.engine import CALL_WITHIN_S, Engine


def count(engine: Engine, life: str, what: str, *, name: str) -> int:
    """How often, in that life of a container. Raises: Unavailable, also when the engine hangs."""
    from docker.utils import convert_filters

    container, _, began = life.partition(" ")
    now = engine.info()["SystemTime"]
    with engine.calling(f"tell what happened to {name}") as client:
        # Past the SDK's own call, which waits for the engine without any limit.
        answer = client.api.get(
            f"{client.api.base_url}/v{client.api.api_version}/events",
            params={
                "since": _seconds(began), "until": _seconds(now),
                "filters": convert_filters({"event": what, "type": "container"}),
            },
            timeout=CALL_WITHIN_S,
        )  # fmt: skip
        answer.raise_for_status()
    found = (json.loads(line) for line in answer.text.splitlines() if line.strip())
    return sum(1 for event in found if str(event.get("id", "")).startswith(container))


def _seconds(time: str) -> str:
    """Docker's time, as its events take it: seconds since 1970 with nine digits after the point."""
    from datetime import UTC, datetime

    whole, _, fraction = time.rstrip("Z").partition(".")
    since = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
    return f"{since:.0f}.{fraction[:9].ljust(9, '0')}"
