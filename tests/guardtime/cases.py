"""What is broken, and what the guard is told to watch for. Each breaks at once what customers ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["link", "pause", "service"]

EXPERIMENT = """\
title: {name}, until the guard has seen enough
target: stopwatch
windows: {{warm-up: 1s, before: 2s, after: 1s}}
hypothesis: [availability >= 90%, p90 < 500ms]
method:
  - {step}
recovery: 0s
abort: [{condition}]
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    kind: Kind
    step: str
    condition: str

    def text(self) -> str:
        return EXPERIMENT.format(name=self.name, step=self.step, condition=self.condition)


SLOW, WRONG = "p90 > 500ms", "error-rate > 25%"
CASES = (
    Case(name="latency", kind="link", step="latency: {link: edge -> web, delay: 800ms, for: 20s}", condition=SLOW),
    Case(name="down", kind="link", step="down: {link: edge -> web, for: 20s}", condition=WRONG),
    Case(name="timeout", kind="link", step="timeout: {link: edge -> web, for: 20s}", condition=SLOW),
    Case(name="down, by `deviated`", kind="link", step="down: {link: edge -> web, for: 20s}", condition="deviated"),
    Case(name="pause", kind="pause", step="pause: {service: web, for: 20s}", condition=SLOW),
    Case(name="pause, by `deviated`", kind="pause", step="pause: {service: web, for: 20s}", condition="deviated"),
    Case(name="kill", kind="service", step="kill: {service: web, for: 20s}", condition=WRONG),
    Case(name="stop", kind="service", step="stop: {service: web, for: 20s}", condition=WRONG),
)
