"""What one iteration does, drawn from the seed and its number alone: so any of them can be done again."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any, Literal

Victims = Literal["runner", "watchdog", "runner, watchdog", "watchdog, runner"]
Moment = Literal["run", "fault", "intent"]

# A watchdog that is killed alone is the rarest case: the runner lives and puts everything back itself.
VICTIMS: dict[Victims, int] = {"runner": 6, "watchdog": 1, "runner, watchdog": 2, "watchdog, runner": 1}
# Counted from the start of the run, or from its first entry in the ledger. Most go where they hurt.
MOMENTS: dict[Moment, tuple[int, float]] = {"run": (3, 6.0), "fault": (5, 3.0), "intent": (2, 0.06)}
GAP_S = 0.5

# One of each, on the target that ground.py brings up; `{web}` is the address of a web server, `{file}` a file.
FAULTS = {
    "latency": "{link: edge -> web, delay: 200ms, jitter: 20ms, for: 2s}",
    "bandwidth": "{link: web -> cache, per-second: 50KB, for: 2s}",
    "timeout": "{link: edge -> web, for: 2s}",
    "down": "{link: edge -> web, for: 2s}",
    "reset": "{link: web -> cache, for: 2s}",
    "slow-close": "{link: web -> cache, delay: 200ms, for: 2s}",
    "slicer": "{link: edge -> web, size: 64B, delay: 5ms, for: 2s}",
    "limit-data": "{link: edge -> web, bytes: 1KB, for: 2s}",
    "partition": "{between: [[web], [cache]], for: 2s}",
    "crash": "{service: web, for: 2s}",
    "kill": "{service: web, for: 2s}",
    "stop": "{service: cache, for: 2s}",
    "restart": "{service: web, for: 2s}",
    "pause": "{service: web, for: 2s}",
    "surge": "{times: 4, for: 2s}",
    "command": "{run: [touch, '{file}'], undo: [rm, -f, '{file}'], check: [test, -e, '{file}'], for: 2s}",
    "http": "{send: {url: 'http://{edge}/switch', method: PUT}, undo: {url: 'http://{edge}/switch', method: DELETE}, "
    "check: {url: 'http://{edge}/switch'}, for: 2s}",
}


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Kill `victims` `after_s` seconds after `moment`; `gap_s` lies between two kills."""

    fault: str
    victims: Victims
    moment: Moment
    after_s: float
    gap_s: float

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def draw(seed: int, number: int) -> Draw:
    """The faults take turns, so that each has its share; everything else is chance."""
    chance = random.Random(f"{seed}/{number}")
    moment = chance.choices([*MOMENTS], weights=[weight for weight, _ in MOMENTS.values()])[0]
    return Draw(
        fault=[*FAULTS][number % len(FAULTS)],
        victims=chance.choices([*VICTIMS], weights=[*VICTIMS.values()])[0],
        moment=moment,
        after_s=chance.uniform(0, MOMENTS[moment][1]),
        gap_s=chance.uniform(0, GAP_S),
    )
