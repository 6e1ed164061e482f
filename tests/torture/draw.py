"""What one iteration does, drawn from the seed and its number alone: so any of them can be done again."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any, Literal

Victims = str  # of `runner`, `watchdog` and `agent`, in the order in which they are killed
Moment = Literal["run", "fault", "intent"]

GAP_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Odds:
    """What is drawn on a platform: the keys of each fault, who is killed how often, and when: each moment has a weight
    and the seconds within which it lies."""

    faults: dict[str, str]
    victims: dict[Victims, int]
    moments: dict[Moment, tuple[int, float]]


# One of each, on the target that ground.py brings up; `{edge}` is an address of the edge, `{file}` a file.
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
# Besides, on the target of compose.py.
IN_CONTAINERS = {
    "isolate": "{service: web, for: 2s}",
    "loss": "{service: web, ratio: 30%, for: 2s}",
    "rate": "{service: web, per-second: 100KB, for: 2s}",
    "dns": "{service: web, for: 2s}",
    "cpu": "{service: web, cores: 0.05, for: 2s}",
    "cpu-pressure": "{service: web, processes: 2, for: 2s}",
    "memory": "{service: web, limit: 64MB, for: 2s}",
    "memory-pressure": "{service: web, leave: 16MB, for: 2s}",
    "oom": "{service: web, for: 2s}",
    "disk-full": "{service: cache, path: /data, for: 2s}",
    "slow-disk": "{service: web, per-second: 1MB, for: 2s}",
    # Last, so that the numbers of the first round stay the same where the kernel has not got them.
    "corrupt": "{service: web, ratio: 30%, for: 2s}",
    "duplicate": "{service: web, ratio: 30%, for: 2s}",
    "reorder": "{service: web, ratio: 30%, for: 2s}",
}
NETEM = ("corrupt", "duplicate", "reorder")

# A watchdog that is killed alone is the rarest case: the runner lives and puts everything back itself. Moments are
# counted from the start of the run, or from its first entry in the ledger. Most go where they hurt.
EMBEDDED = Odds(
    faults=FAULTS,
    victims={"runner": 6, "watchdog": 1, "runner, watchdog": 2, "watchdog, runner": 1},
    moments={"run": (3, 6.0), "fault": (5, 3.0), "intent": (2, 0.06)},
)
# Slower: each call of the engine takes a few hundredths of a second, and starting the agent one second.
COMPOSE = Odds(
    faults=FAULTS | IN_CONTAINERS,
    victims={
        "runner": 8, "watchdog": 2, "runner, watchdog": 3, "watchdog, runner": 2, "agent": 1, "agent, runner": 1,
        "runner, agent": 1, "runner, watchdog, agent": 1,
    },
    moments={"run": (2, 12.0), "fault": (6, 5.0), "intent": (2, 0.8)},
)  # fmt: skip


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


def draw(seed: int, number: int, odds: Odds = EMBEDDED) -> Draw:
    """The faults take turns, so that each has its share; everything else is chance."""
    chance = random.Random(f"{seed}/{number}")
    moment = chance.choices([*odds.moments], weights=[weight for weight, _ in odds.moments.values()])[0]
    return Draw(
        fault=[*odds.faults][number % len(odds.faults)],
        victims=chance.choices([*odds.victims], weights=[*odds.victims.values()])[0],
        moment=moment,
        after_s=chance.uniform(0, odds.moments[moment][1]),
        gap_s=chance.uniform(0, GAP_S),
    )
