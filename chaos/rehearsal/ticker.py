"""Figures for whoever watches, a few times a second. It only reads; when it is late, nothing else is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from chaos.engine.session import Session
from chaos.model.live import LiveFigures

if TYPE_CHECKING:
    from chaos.load.live import Live
    from chaos.report.live import Watching

PERIOD_S = 0.5


class Ticker:
    def __init__(self, session: Session, live: Live, screen: Watching) -> None:
        self._session, self._live, self._screen = session, live, screen
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._end.wait(PERIOD_S):
            self._screen.on_tick(self._figures())

    def _figures(self) -> LiveFigures:
        window = self._session.window
        began_s = self._session.spans[window.index][0] if window is not None else 0.0
        return self._live.figures(
            at_s=self._session.at_s(),
            window=window.name if window else "",
            window_elapsed_s=self._session.at_s() - began_s if window else 0.0,
            window_length_s=float(window.length) if window else 0.0,
            conditions=window.conditions if window else (),
        )
