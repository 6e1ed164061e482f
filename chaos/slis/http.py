"""A gauge by HTTP: a number in a JSON answer, or the answer's status."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chaos.errors import SaleproofError, Unavailable
from chaos.model.journal import Sample
from chaos.model.platform import Instance
from chaos.model.sli import Sli
from chaos.slis.reading import Problem, Reading
from chaos.slis.web import get

PERIOD_S = 0.5
TIMEOUT_S = 2.0


class HttpReader:
    """One SLI, asked of every instance of a service. One instance that cannot be asked is a failure: unlike a counter,
    a number that was not read is lost."""

    period_s = PERIOD_S
    delay_s = 0.0
    notes: tuple[str, ...] = ()

    def __init__(self, sli: Sli, instances: Sequence[Instance]) -> None:
        self.name = f"{sli.path} of {sli.service}"
        self.slis = (sli.name,)
        self._sli = sli
        self._instances = tuple(instances)

    def read(self, at_s: float) -> Reading:
        samples: list[Sample] = []
        problems: list[Problem] = []
        if not self._instances:
            problems.append(Problem(sli=self._sli.name, error=f"{self.name}: no instance runs"))
        for instance in self._instances:
            try:
                value = self._value(instance)
            except SaleproofError as cause:
                problems.append(Problem(sli=self._sli.name, error=f"{instance.name}: {cause}"))
            else:
                samples.append(Sample(at_s=at_s, sli=self._sli.name, value=value, service=instance.name))
        return Reading(samples=tuple(samples), problems=tuple(problems))

    def close(self) -> None:
        """Nothing is kept open."""

    def _value(self, instance: Instance) -> float:
        """Raises: Unavailable."""
        status, body = get(instance.address, self._sli.path, TIMEOUT_S, "application/json")
        if self._sli.json is None:
            return float(status)
        where = f"http://{instance.address}{self._sli.path}"
        if status >= 400:
            raise Unavailable(f"{where}: status {status}")
        try:
            found: Any = json.loads(body)
            for part in self._sli.json.split("."):
                found = found[int(part)] if isinstance(found, list) else found[part]
        except (ValueError, LookupError, TypeError) as cause:
            raise Unavailable(f"{where}: no '{self._sli.json}' in the answer") from cause
        return number(found, f"{where}: '{self._sli.json}'")


def number(found: object, where: str) -> float:
    """True and false are 1 and 0. Raises: Unavailable for anything that is not one finite number."""
    try:
        value = float(found)  # type: ignore[arg-type]
    except (TypeError, ValueError) as cause:
        raise Unavailable(f"{where} is {found!r}, not a number") from cause
    if value != value or value in (float("inf"), float("-inf")):
        raise Unavailable(f"{where} is {value}, not a number")
    return value
