"""Error budgets as a table: a line each, what is left first."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.model.words import percent, share
from chaos.report.paint import WIDTH, Page
from chaos.slo.status import BudgetStatus

# Below this share a budget is marked; VERDICTS section 2: under a quarter, nothing is risked any more.
LOW = 0.25
_TITLES = {
    "virtual": "virtual budgets: what the recorded runs would have spent",
    "real": "real budgets: what users felt",
}
_LEFT, _BURN = 9, 9
WIDE, OBJECTIVE = 100, 30


def render(target: str, statuses: Sequence[BudgetStatus], *, width: int = WIDTH, colour: bool | None = None) -> str:
    """The screen; wide terminals see more of what it stands on."""
    page = Page(width)
    page.line((f"{target}: error budgets", "bold"))
    # A wide screen has a column for it, a narrow one a line of its own.
    wide = width >= WIDE
    objectives = max([len(s.objective) for s in statuses], default=0) if wide else 0
    names = min(22, max([len(s.slo) for s in statuses], default=3))
    windows = min(16, max([len(s.window) for s in statuses], default=6))
    for kind, title in _TITLES.items():
        chosen = [status for status in statuses if status.kind == kind]
        if not chosen:
            continue
        page.gap()
        page.line((title, "bold"))
        burn = "burn 1 h".rjust(_BURN) if kind == "real" else ""
        objective = f"{'objective':<{min(objectives, OBJECTIVE)}}  " if wide else ""
        head = f"  {'SLO':<{names}}  {objective}{'window':<{windows}}{'left':>{_LEFT}}{burn}  stands on"
        page.line((head, "dim"))
        for status in chosen:
            _row(page, status, names, windows, min(objectives, OBJECTIVE))
            if not wide:
                page.line((f"  {'':<{names}}  {_cut(status.objective, width - names - 4)}", "dim"))
    return page.show(colour=colour)


def _row(page: Page, status: BudgetStatus, names: int, windows: int, objectives: int) -> None:
    left = "?" if status.left is None else _left(status.left)
    style = "yellow" if status.left is None else "bold red" if status.left < LOW else "green"
    burn = ""
    if status.kind == "real":
        burn = ("-" if status.burn is None else f"{status.burn:.3g}").rjust(_BURN)
    objective = f"{_cut(status.objective, objectives):<{objectives}}  " if objectives else ""
    head = f"  {_cut(status.slo, names):<{names}}  {objective}{_cut(status.window, windows):<{windows}}"
    room = max(12, page.width - len(head) - _LEFT - len(burn) - 2)
    hot = "bold red" if status.burn is not None and status.burn >= 1 else ""
    page.line(head, (left.rjust(_LEFT), style), (burn, hot), "  " + _cut(_stands_on(status, room), room))


def _left(left: float) -> str:
    return percent(left) if left >= 0 else f"-{share(-left)}"


def _stands_on(status: BudgetStatus, room: int) -> str:
    parts = [status.note] if status.note else []
    if status.runs:
        runs = f"{status.runs} run{'s' * (status.runs != 1)}"
        figures = f"{runs}, worst {share(status.worst or 0)}, last {share(status.last or 0)}"
        parts.append(figures if len(figures) <= room - len(status.note) else runs)
    elif status.kind == "virtual":
        parts.append("no run yet")
    if status.allowed is not None:
        parts.append(f"{status.allowed:,.0f} may be bad")
    return "; ".join(parts)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(1, room - 1)] + "…"
