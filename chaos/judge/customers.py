"""How many customers there were, and how many of them felt anything."""

from __future__ import annotations

from collections.abc import Iterable

from chaos.judge.counts import within
from chaos.model.counting import customers_affected
from chaos.model.journal import Journal
from chaos.model.requests import Requests


def affected(journal: Journal, requests: Requests) -> tuple[int, int]:
    """(customers with at least one bad request, customers) among these requests."""
    return customers_affected(requests, float(journal.plan.patience))


def during(journal: Journal, spans: Iterable[tuple[float, float]]) -> tuple[int, int]:
    """The same among the requests that began while a fault was in place."""
    merged: list[tuple[float, float]] = []
    for start_s, end_s in sorted(spans):
        if merged and start_s <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end_s, merged[-1][1]))
        else:
            merged.append((start_s, end_s))
    parts = [within(journal.requests, start_s, end_s) for start_s, end_s in merged]
    return affected(journal, Requests.join(parts)) if parts else (0, 0)
