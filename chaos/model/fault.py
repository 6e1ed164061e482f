"""The contract of a fault: prepare, inject, confirm; and revert and is_present from the undo record alone."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Protocol, TypeVar

from chaos.model.base import Noun

ActsOn = Literal["link", "service", "groups", "traffic", "nothing"]

P = TypeVar("P", contravariant=True)


# The mark of a place where a one-way partition loses what comes back over the link, because there it is the second
# group that dials: `web-1 -> db (answers)`.
ANSWERS = " (answers)"


class Undo(Noun):
    """Everything that another process needs to take one fault back, at another time, with the experiment file gone.

    `kind` is the fault's word, `where` one concrete place (`web-1 -> db`, `web-2`), `data` plain JSON data: names,
    endpoints, the prior state, pid + start time + boot id.
    """

    kind: str
    where: str
    data: dict[str, Any] = {}
    lease: str = ""  # the lease under which it is injected, kept where the target lives; empty: none is kept there


class Evidence(Noun):
    """Did it bite? `measured` and `intended` are in `unit`; `text` is one line for people: `+298 ms of 300 ms`.

    `low` and `high` are the 95 % interval of what was measured, from so many `samples`, where there is one.
    """

    confirmed: bool
    text: str
    measured: float | None = None
    intended: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    samples: int | None = None


class Fault(Protocol[P]):
    """A reversible disturbance of one part of the target. The instance is its parameters.

    An implementation is a `Noun` whose fields are the YAML keys (with `_` for `-`), typed with `chaos.units`, so that
    the file loader, the JSON Schema and the reference are all made from the class. `__post_init__` raises ValueError
    for values that make no sense together. `for`, `link`, `service`, `between` and `share` are keys of every fault and
    are not fields. Its docstring's first line is its row in the reference; `example` is one line of YAML.
    """

    kind: ClassVar[str]  # the word in the YAML
    needs: ClassVar[type]  # the platform capability that it uses, of chaos.model.platform
    acts_on: ClassVar[ActsOn]  # what its scope must name
    example: ClassVar[str]
    lasts: ClassVar[bool]  # optional, default True: False where the harm is done once, as of a crash
    # Optional, default True: False where another run's fault at the same place looks the same.
    told_apart: ClassVar[bool]

    def prepare(self, where: str, platform: P) -> Undo:
        """Read names, endpoint, prior state and a baseline for `confirm`. Changes nothing."""

    def inject(self, undo: Undo, platform: P) -> None:
        """Disturb. Called once, after the undo record is on disk. Raises: Unavailable."""

    def confirm(self, undo: Undo, platform: P) -> Evidence:
        """Measure whether it bit, by a round trip or the process's state; never by having sent the command."""

    # Optional: `holder(undo)`, a static method: who keeps the lease `undo.lease` where the target lives, a
    # chaos.faults.shared.lease.Holder, or None. `inject` then puts what it does under that lease.

    @staticmethod
    def revert(undo: Undo) -> None:
        """Take it back. Needs the record alone; idempotent. Returns only after reading back. Raises: RevertFailed."""

    @staticmethod
    def is_present(undo: Undo) -> bool:
        """Is it still in place? A target that no longer exists has no fault. Raises: Unavailable: cannot tell."""
