"""All that is recorded of one run. The judge reads nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from chaos.model.base import Noun
from chaos.model.event import AnyEvent
from chaos.model.plan import Plan

if TYPE_CHECKING:
    from chaos.model.requests import Requests


class RunInfo(Noun):
    """The head of a record. Texts are verbatim, so that a run can be understood when the files have changed."""

    id: str  # sortable by time, for example 20261121-113301-7f3a
    started_at: datetime  # UTC
    ended_at: datetime | None = None
    status: str | None = None  # completed, aborted, interrupted, crashed; None: it is running, or was killed
    experiment_text: str = ""
    target_text: str = ""
    versions: dict[str, str] = {}
    host: str = ""
    command: tuple[str, ...] = ()


class Sample(Noun):
    """One reading of an SLI that does not come from the load: counts since the previous reading, or one number."""

    at_s: float
    since_s: float | None = None  # when the reading before it was; None: look for it
    sli: str  # the condition's SLI: `db-query.p99`, `cache-hits`, `stock-left`
    good: float = 0
    total: float = 0
    value: float | None = None
    service: str = ""  # the instance it was read from


@dataclass(frozen=True, kw_only=True)
class Journal:
    """One run as it was recorded. `chaostoolkit` is the journal that the Chaos Toolkit's engine wrote, if any."""

    run: RunInfo
    plan: Plan
    events: tuple[AnyEvent, ...]
    requests: Requests
    samples: tuple[Sample, ...] = ()
    acknowledged: tuple[str, ...] = ()
    chaostoolkit: dict[str, object] = field(default_factory=dict)
