"""`saleproof recover`, for what was put beside projects: whatever died or outlived its caller goes; a fault proxy that
works stays, for taking it away would cut the connections that it carries."""

from __future__ import annotations

from chaos.errors import SaleproofError
from chaos.platforms.compose import leftovers
from chaos.platforms.compose.agent import borrowed
from chaos.platforms.compose.engine import connect, may_answer
from chaos.platforms.compose.notes import ATTACHED


def clear_all() -> list[str]:
    """What a person should know, a line for each project. Never raises for one."""
    lines = []
    for note in ATTACHED.all():
        where = f"{note.project} on {note.endpoint}"
        try:
            if not may_answer(note.endpoint):
                lines.append(f"  {where}: no Docker engine answers there; fault proxies may still be attached")
                continue
            engine = connect(note.endpoint)
            with borrowed(engine, note.project):
                working = leftovers.clear(engine, note.project)
        except SaleproofError as error:
            lines.append(f"  {where}: what was attached could not be looked at: {error}")
            continue
        if working:
            names = ", ".join(one.name for one in working)
            lines.append(f"  {where}: still attached, and no fault: {names}. `saleproof detach` takes it away")
        else:
            ATTACHED.remove(note)
    return lines
