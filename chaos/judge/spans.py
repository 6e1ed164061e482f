"""When each planned window really was, from the record."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.model.event import FaultIntended, WindowEnded, WindowStarted
from chaos.model.journal import Journal
from chaos.model.plan import Window

# A window that lasted less than this share of what was declared was cut, whatever the record says of it: a sleeping
# machine or a stopped runner does not write down that it was.
LEAST_SHARE = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One planned window as it was. Seconds since the run's start; `began` is False for one that never came.

    `flaw` says why nothing can be *held* in it: it never began, or was cut short. `next_fault_s`: when the fault after
    it was about to be injected. `decided` says why it ended before its longest; with `settled_s`, everything in it was
    certain to be held from what had begun by then.
    """

    window: Window
    start_s: float = 0.0
    end_s: float = 0.0
    began: bool = False
    flaw: str = ""
    next_fault_s: float | None = None
    decided: str = ""
    settled_s: float | None = None

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


def spans(journal: Journal) -> tuple[Span, ...]:
    """One for each window of the plan, in its order."""
    started: dict[int, float] = {}
    ended: dict[int, WindowEnded] = {}
    for event in journal.events:
        if isinstance(event, WindowStarted):
            started[event.window] = event.at_s
        elif isinstance(event, WindowEnded):
            ended[event.window] = event
    intents = sorted(event.at_s for event in journal.events if isinstance(event, FaultIntended))
    return tuple(_span(journal, w, started.get(w.index), ended.get(w.index), intents) for w in journal.plan.windows)


def _span(
    journal: Journal, window: Window, start_s: float | None, ended: WindowEnded | None, intents: list[float]
) -> Span:
    if start_s is None:
        return Span(window=window, flaw="it never began")
    declared_s = float(window.length)
    if ended is None:
        end_s = min(start_s + declared_s, _last_s(journal))
        return Span(window=window, start_s=start_s, end_s=end_s, began=True, flaw="the record ends within it")
    flaw, decided = ended.cut, ended.decided if window.least is not None else ""
    if decided and ended.settled_s is None:
        flaw = flaw or f"it ended as soon as it was certain that {decided}"
    if not flaw and not decided and ended.at_s - start_s < LEAST_SHARE * declared_s:
        flaw = f"it lasted {ended.at_s - start_s:.1f} s of {declared_s:g} s"
    after = [at_s for at_s in intents if at_s >= ended.at_s]
    return Span(
        window=window, start_s=start_s, end_s=ended.at_s, began=True, flaw=flaw,
        next_fault_s=after[0] if after else None, decided=decided, settled_s=ended.settled_s if decided else None,
    )  # fmt: skip


def _last_s(journal: Journal) -> float:
    """How far the record goes."""
    last_s = max((event.at_s for event in journal.events), default=0.0)
    if len(journal.requests):
        last_s = max(last_s, float(journal.requests.start_us.max()) / 1e6)
    return last_s
