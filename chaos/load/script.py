"""A target's traffic made ready to send: templates taken apart, journeys weighted, names turned into numbers."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from urllib.parse import quote

import msgspec

from chaos.errors import SpecError, nearest
from chaos.model.target import Step, Traffic, Value

# A variable in a path, a header or a string of the body. Anything else in braces is left as it is.
VARIABLE = re.compile(r"\{([A-Za-z][A-Za-z0-9_-]*)\}")
GIVEN = frozenset({"uuid", "customer"})

Variables = dict[str, Any]
Draw = Callable[[random.Random], int | str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadyStep:
    """One request, ready but for the customer's own values."""

    number: int
    name: str
    method: str
    path: Callable[[Variables], str]
    headers: Callable[[Variables], dict[str, str]]
    body: Callable[[Variables], bytes] | None
    save: tuple[tuple[str, tuple[str, ...]], ...]
    acknowledges: str | None
    lowest: int
    highest: int

    def expects(self, status: int) -> bool:
        """Is that status a good answer?"""
        return self.lowest <= status <= self.highest


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadyJourney:
    number: int
    name: str
    steps: tuple[ReadyStep, ...]
    draws: tuple[tuple[str, Draw], ...]  # only the values that its steps use
    uses_uuid: bool


class Script:
    """Chooses what a customer does. Every choice is made at the arrival and in the order of arrivals, so that the same
    seed gives the same customers however fast the shop answers."""

    def __init__(self, traffic: Traffic, *, seed: str) -> None:
        """Raises: SpecError for a step that does not exist or a variable that nothing fills."""
        self.steps = tuple(traffic.steps)
        self.journeys = tuple(journey.name for journey in traffic.journeys)
        numbers = {name: number for number, name in enumerate(self.steps)}
        self._journeys = []
        for number, journey in enumerate(traffic.journeys):
            for name in journey.steps:
                if name not in numbers:
                    raise SpecError(f"journey '{journey.name}': unknown step '{name}'.{nearest(name, numbers)}")
            used = _check(journey.name, [traffic.steps[name] for name in journey.steps], traffic.values)
            self._journeys.append(
                ReadyJourney(
                    number=number,
                    name=journey.name,
                    steps=tuple(_ready(traffic.steps[name], numbers[name]) for name in journey.steps),
                    draws=tuple((name, _draw(value)) for name, value in traffic.values.items() if name in used),
                    uses_uuid="uuid" in used,
                )
            )
        self._weights = list(accumulate(journey.weight for journey in traffic.journeys))
        if not self._weights or self._weights[-1] <= 0:
            raise SpecError("traffic: no journey has a weight above 0")
        self._random = random.Random(seed)

    def choose(self, customer: int) -> tuple[ReadyJourney, Variables]:
        """What the next customer does, and with which values. `uuid` is one for each customer and never seeded: it
        serves as idempotency key, and a second run must not replay the first one's orders."""
        journey = self._random.choices(self._journeys, cum_weights=self._weights)[0]
        variables: Variables = {name: draw(self._random) for name, draw in journey.draws}
        variables["customer"] = customer
        if journey.uses_uuid:
            variables["uuid"] = str(uuid.uuid4())
        return journey, variables


def look_up(body: Any, path: tuple[str, ...]) -> Any:
    """Follow a dotted path into a JSON answer; a number indexes a list. Raises: LookupError, TypeError, ValueError."""
    for part in path:
        body = body[int(part)] if isinstance(body, list) else body[part]
    if body is None:
        raise LookupError(".".join(path))
    return body


def _check(journey: str, steps: list[Step], values: Mapping[str, Value]) -> set[str]:
    """The variables that a journey uses. Raises: SpecError when one is used before anything fills it."""
    known = {*values, *GIVEN}
    used: set[str] = set()
    for step in steps:
        texts = [step.path, *step.headers.values(), *_strings(step.body)]
        names = {name for text in texts for name in VARIABLE.findall(text)}
        for name in sorted(names - known):
            raise SpecError(
                f"journey '{journey}', step '{step.name}': nothing fills '{{{name}}}'.{nearest(name, known)}"
            )
        used |= names
        known |= set(step.save)
        if step.acknowledges is not None and step.acknowledges not in known:
            raise SpecError(
                f"journey '{journey}', step '{step.name}': acknowledges '{step.acknowledges}', which nothing fills."
                + nearest(step.acknowledges, known)
            )
    used |= {step.acknowledges for step in steps if step.acknowledges is not None}
    return used


def _strings(body: Any) -> list[str]:
    if isinstance(body, str):
        return [body]
    if isinstance(body, Mapping):
        return [text for key, value in body.items() for text in (*_strings(key), *_strings(value))]
    return [text for value in body for text in _strings(value)] if isinstance(body, list | tuple) else []


def _draw(value: Value) -> Draw:
    if value.integer is not None:
        low, high = value.integer
        return lambda source: source.randint(low, high)
    choice = value.choice or ("",)
    return lambda source: source.choice(choice)


def _ready(step: Step, number: int) -> ReadyStep:
    headers = dict(step.headers)
    body = None
    if step.body is not None:
        body = _body(step.body)
        if "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = "application/json"
    return ReadyStep(
        number=number, name=step.name, method=step.method.upper(),
        path=_text(_quoted(step.path), lambda value: quote(str(value), safe="")), headers=_headers(headers), body=body,
        save=tuple((name, tuple(path.split("."))) for name, path in step.save.items()),
        acknowledges=step.acknowledges, lowest=step.expect[0], highest=step.expect[1],
    )  # fmt: skip


def _text(template: str, encode: Callable[[Any], str] = str) -> Callable[[Variables], str]:
    parts = VARIABLE.split(template)  # text, name, text, name, ..., text
    if len(parts) == 1:
        return lambda _: template
    return lambda variables: "".join(encode(variables[part]) if index % 2 else part for index, part in enumerate(parts))


def _quoted(path: str) -> str:
    """What a file may write for people (`/search?q=red shoes`), as it must be sent; the variables stay."""
    return quote(path, safe="/?&=%:@!$'()*+,;~#[]{}")


def _headers(headers: dict[str, str]) -> Callable[[Variables], dict[str, str]]:
    if not any(VARIABLE.search(value) for value in headers.values()):
        return lambda _: headers
    ready = [(name, _text(value)) for name, value in headers.items()]
    return lambda variables: {name: value(variables) for name, value in ready}


def _body(body: Any) -> Callable[[Variables], bytes]:
    if not any(VARIABLE.search(text) for text in _strings(body)):
        fixed = msgspec.json.encode(body)
        return lambda _: fixed
    fill = _filled(body)
    return lambda variables: msgspec.json.encode(fill(variables))


def _filled(body: Any) -> Callable[[Variables], Any]:
    """A string that is nothing but one variable keeps the variable's type: `{"id": "{product}"}` sends a number."""
    if isinstance(body, str):
        whole = VARIABLE.fullmatch(body)
        if whole is not None:
            name = whole[1]
            return lambda variables: variables[name]
        return _text(body)
    if isinstance(body, Mapping):
        pairs = [(_text(key), _filled(value)) for key, value in body.items()]
        return lambda variables: {key(variables): value(variables) for key, value in pairs}
    if isinstance(body, list | tuple):
        items = [_filled(value) for value in body]
        return lambda variables: [item(variables) for item in items]
    return lambda _: body
