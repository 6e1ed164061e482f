"""What the sampler asks of a source. A new source is one file with a `Reader`, and a case in `sampler.readers`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from chaos.model.journal import Sample


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """An SLI that could not be read. `error` says where and why."""

    sli: str  # the SLI's name in the target file
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What one look at a source gave. Both may be there: one instance answered and the next did not."""

    samples: tuple[Sample, ...] = ()
    problems: tuple[Problem, ...] = ()


class Reader(Protocol):
    """Reads one source, called by one thread at a fixed rate."""

    @property
    def name(self) -> str:
        """For people: `/metrics of web`."""

    @property
    def slis(self) -> tuple[str, ...]:
        """The SLIs that are read from it."""

    @property
    def period_s(self) -> float:
        """Seconds from one look to the next."""

    @property
    def delay_s(self) -> float:
        """At the latest so many seconds after something happened, it has been seen by `read`. 0: at the next look."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about how it is read."""

    def read(self, at_s: float) -> Reading:
        """Look once, within a bounded time. `at_s` is the run's time of the look. Whatever it raises counts as a
        failure of all its SLIs."""

    def close(self) -> None:
        """Connections end."""
