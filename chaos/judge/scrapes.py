"""Did somebody else's scrapes cover a window? What was not scraped in time cannot be counted in it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from chaos.judge.spans import Span
from chaos.model.counting import named
from chaos.model.journal import Sample
from chaos.model.objective import Condition
from chaos.model.sli import Source
from chaos.model.words import seconds

# A window begins and ends between two scrapes, and one may come a little late.
GAP_INTERVALS = 2.5
# An instance that was not scraped for so many intervals has counted something that lies somewhere in between. A frozen
# or dead one counts next to nothing; more than this share of the window's own count, and it was alive.
AWAY_INTERVALS, AWAY_SHARE = 3.0, 0.05


def unscraped(condition: Condition, samples: Sequence[Sample], span: Span) -> str:
    """Why the scrapes do not show the whole window; empty when they do, or where nobody else scrapes."""
    if condition.source is not Source.PROMQL or not span.began:
        return ""
    ours = named(condition, samples)
    scrapes = sorted(
        ((s.since_s, s.at_s, s.total, s.service) for s in ours if s.since_s is not None), key=lambda s: s[1]
    )
    if not scrapes:
        return ""  # there is nothing to count, which is said elsewhere; or the readings are single ones
    interval_s = statistics.median(at_s - since_s for since_s, at_s, _, _ in scrapes)
    gap_s = _longest_gap(((since_s, at_s) for since_s, at_s, _, _ in scrapes), span)
    if gap_s > GAP_INTERVALS * interval_s:
        return f"{condition.sli} was not scraped for {seconds(gap_s)}"
    inside = sum(total for since_s, at_s, total, _ in scrapes if span.start_s <= since_s and at_s <= span.end_s)
    for since_s, at_s, total, service in scrapes:
        away = at_s - since_s > AWAY_INTERVALS * interval_s and since_s < span.end_s and at_s > span.start_s
        if away and not (span.start_s <= since_s and at_s <= span.end_s) and total > AWAY_SHARE * inside:
            return (
                f"{service or 'an instance'} was not scraped for {seconds(at_s - since_s)}, and counted {total:,.0f} "
                "meanwhile that cannot be assigned"
            )
    return ""


def _longest_gap(scraped: Iterable[tuple[float, float]], span: Span) -> float:
    """For how long at most no instance's scrapes reach over a moment of the window."""
    known_s, longest_s = span.start_s, 0.0
    for since_s, at_s in sorted(scraped):
        if at_s <= span.start_s or since_s >= span.end_s:
            continue
        longest_s = max(longest_s, since_s - known_s)
        known_s = max(known_s, at_s)
    return max(longest_s, span.end_s - known_s)
