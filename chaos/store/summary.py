"""One line of `saleproof runs`."""

from __future__ import annotations

from datetime import datetime

from chaos.model.base import Noun


class RunSummary(Noun):
    """`status` None: it is running, or was killed. `outcome` and `exit` None: it was never judged."""

    id: str
    title: str
    experiment: str  # path
    target: str
    platform: str
    variant: str
    profile: str | None = None
    started_at: datetime
    ended_at: datetime | None = None
    status: str | None = None
    outcome: str | None = None
    exit: int | None = None
