"""Is the record of a killed run whole, and does it say what happened?"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from chaos.errors import SaleproofError
from chaos.judge import judge
from chaos.model.event import FaultIntended, FaultReverted, RunEnded
from chaos.store import Store


class Record:
    """The store of one ground; asked after every kill."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = ""

    def of_the_newest(self, *, seen: bool, killed: list[str]) -> tuple[str, list[str], list[str]]:
        """Its status, who reverted, and a line for everything that is wrong with it. `seen`: a fault was in place when
        it was killed, so that it must be in the record."""
        run = self._newest()
        if run == self._last:
            return "", [], ["a fault was in place, and no run is recorded"] if seen else []
        self._last = run
        try:
            with Store.open(self._path) as store:
                journal = store.read(run)
                verdict = judge(journal)
        except (SaleproofError, ValueError) as cause:
            return "", [], [f"{run} cannot be read and judged: {cause}"]
        wrong = []
        intended = {(e.fault, e.place) for e in journal.events if isinstance(e, FaultIntended)}
        reverted = {(e.fault, e.place) for e in journal.events if isinstance(e, FaultReverted)}
        if seen and not intended | reverted:
            wrong.append(f"{run}: a fault was in place and is not in the record")
        if intended - reverted:
            wrong.append(f"{run}: nothing says that {sorted(intended - reverted)} was reverted")
        # One that was killed while it took its leave had said what there was to say.
        said = [e.status for e in journal.events if isinstance(e, RunEnded)]
        if verdict.exit_code == 0 and "runner" in killed and said != ["completed"]:
            wrong.append(f"{run}: held, although its runner was killed")
        if killed == ["runner"] and journal.run.status is None:
            wrong.append(f"{run}: the watchdog has not completed it")
        by = sorted({e.by for e in journal.events if isinstance(e, FaultReverted)})
        return journal.run.status or "", by, wrong

    def _newest(self) -> str:
        if not self._path.exists():
            return ""
        with sqlite3.connect(self._path, timeout=10) as store:
            try:
                row = store.execute("SELECT id FROM runs ORDER BY started_at DESC, id DESC LIMIT 1").fetchone()
            except sqlite3.OperationalError:  # killed before it had made the tables
                row = None
        store.close()
        return "" if row is None else str(row[0])
