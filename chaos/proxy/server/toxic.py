"""A toxic as the API shows it: a value, replaced as a whole when it changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Literal

from chaos.proxy.server.apierror import bad_body, invalid_stream, invalid_toxic_type, toxic_exists
from chaos.proxy.server.decode import Fields, float32
from chaos.proxy.server.stage import Attributes
from chaos.proxy.server.toxics import TOXICS

Direction = Literal["upstream", "downstream"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Toxic:
    """One toxic of one proxy. `stream` is spelt as it was given, `direction` is what it means."""

    name: str
    type: str
    stream: str
    direction: Direction
    toxicity: float
    attributes: Attributes
    lease: str = ""  # an extension that clients of Toxiproxy never see

    def as_json(self) -> dict[str, Any]:
        return {
            "attributes": dataclasses.asdict(self.attributes),  # type: ignore[call-overload]
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": _shortest(self.toxicity),
        }

    def changed(self, fields: Fields) -> Toxic:
        """The toxic after a PATCH: attributes and toxicity, whatever is given. Raises: ApiError 400."""
        attributes = _attributes(self.type, self.attributes, fields.inner("attributes"))
        return dataclasses.replace(self, attributes=attributes, toxicity=fields.ratio("toxicity", self.toxicity))


def _shortest(value: float) -> float:
    """As Go writes a float32: the fewest digits that are read back as the same, and a whole number without a point."""
    shown = next(
        shown for digits in range(1, 10) if float32(shown := float(f"{value:.{digits}g}")) == value or digits == 9
    )
    return shown if shown % 1 else int(shown)


def _attributes(kind: str, before: Attributes, fields: Fields) -> Attributes:
    given = {
        field.name: fields.integer(field.name, getattr(before, field.name))
        for field in dataclasses.fields(before)  # type: ignore[arg-type]
    }
    attributes = type(before)(**given)
    problem = attributes.problem()
    if problem is not None:
        raise bad_body(problem)
    return attributes


def _direction(stream: str) -> Direction:
    lowered = stream.lower()
    if lowered == "upstream":
        return "upstream"
    if lowered == "downstream":
        return "downstream"
    raise invalid_stream()


def read_head(fields: Fields) -> tuple[str, str, Direction, str]:
    """Name, stream, direction and type of a new toxic, with Toxiproxy's defaults. Raises: ApiError 400."""
    kind = fields.text("type", "")
    stream = fields.text("stream", "downstream")
    fields.ratio("toxicity", 1.0)
    name = fields.text("name", "")
    fields.inner("attributes")
    direction = _direction(stream)
    if kind not in TOXICS:
        raise invalid_toxic_type()
    return name or f"{kind}_{stream}", stream, direction, kind


def read_toxic(fields: Fields, taken: Container[str] = ()) -> Toxic:
    """A new toxic, beside those whose names are taken. Raises: ApiError 400, or 409 before the attributes are read."""
    name, stream, direction, kind = read_head(fields)
    if name in taken:
        raise toxic_exists()
    return Toxic(
        name=name,
        type=kind,
        stream=stream,
        direction=direction,
        toxicity=fields.ratio("toxicity", 1.0),
        attributes=_attributes(kind, TOXICS[kind].attributes(), fields.inner("attributes")),
        lease=fields.text("lease", ""),
    )
