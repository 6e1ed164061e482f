"""A session on a virtual clock, with a real ledger and a fault that is a file: present is what exists."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from chaos import faults
from chaos.clock import VirtualClock
from chaos.engine.ledger import Ledger
from chaos.engine.session import Session
from chaos.errors import RevertFailed
from chaos.model.event import AnyEvent
from chaos.model.fault import Evidence, Undo
from chaos.model.objective import Condition, Op
from chaos.model.plan import Plan, PlannedFault, PlannedStep, Window
from chaos.model.platform import Anything
from chaos.model.sli import Shape, Source
from chaos.units import Duration, Rate


class FileFault:
    """Injected: a file exists. Its parameters make it fail where a test wants it to."""

    kind = "test-file"
    needs: ClassVar[type] = Anything

    def __init__(self, folder: Path, *, breaks: str = "", bites: bool = True) -> None:
        self.folder, self.breaks, self.bites = folder, breaks, bites

    def prepare(self, where: str, platform: object) -> Undo:
        if self.breaks == "prepare":
            raise RuntimeError("cannot look")
        return Undo(kind=self.kind, where=where, data={"path": str(self.folder / where), "breaks": self.breaks})

    def inject(self, undo: Undo, platform: object) -> None:
        Path(undo.data["path"]).write_text("on")
        if self.breaks == "inject":
            raise RuntimeError("half done")

    def confirm(self, undo: Undo, platform: object) -> Evidence:
        if self.breaks == "confirm":
            raise RuntimeError("cannot measure")
        return Evidence(confirmed=self.bites, text="looked")

    @staticmethod
    def revert(undo: Undo) -> None:
        if undo.data["breaks"] == "revert":
            raise RevertFailed("it does not come off; remove it by hand")
        Path(undo.data["path"]).unlink(missing_ok=True)

    @staticmethod
    def is_present(undo: Undo) -> bool:
        return Path(undo.data["path"]).exists()


AVAILABILITY = Condition(
    text="availability >= 99%", sli="availability", source=Source.LOAD, shape=Shape.AVAILABILITY, op=Op.GE,
    threshold=0.99, budget=0.01,
)  # fmt: skip
ABORT = Condition(
    text="error-rate > 25% for 1s", sli="error-rate", source=Source.LOAD, shape=Shape.ERROR_RATE, op=Op.GT,
    threshold=0.25, budget=0.25, hold=Duration(1),
)  # fmt: skip


def make_plan(places: tuple[str, ...] = ("a",), steps: int = 1) -> Plan:
    """So many steps, each with one fault of 10 s at the given places."""
    windows = [
        Window(index=0, name="before", phase="before", step=None, length=Duration(5), conditions=(AVAILABILITY,))
    ]
    planned = []
    for step in range(steps):
        fault = PlannedFault(
            id=f"{step + 1}.1",
            kind="test-file",
            places=places,
            duration=Duration(10),
            fault={},
            text="test-file",
            step=step,
        )
        planned.append(PlannedStep(index=step, faults=(fault,)))
        for phase, length in (("during", 10), ("after", 5)):
            windows.append(
                Window(
                    index=len(windows),
                    name=f"{phase} {step + 1}",
                    phase=phase,
                    step=step,
                    length=Duration(length),
                    conditions=(AVAILABILITY,),
                )
            )
    return Plan(
        title="t", experiment="t.yaml", target="shop", platform="embedded", variant="v", seed=1, load="normal",
        rate=Rate(10), patience=Duration(10), warm_up=Duration(1), recovery=Duration(2), windows=tuple(windows),
        steps=tuple(planned), abort=(ABORT,),
    )  # fmt: skip


@dataclass
class Stage:
    """A session and everything that a test looks at."""

    session: Session
    ledger: Ledger
    events: list[AnyEvent]
    folder: Path
    clock: VirtualClock
    log: list[str] = field(default_factory=list)

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    def in_place(self) -> list[str]:
        return sorted(p.name for p in self.folder.iterdir())


@pytest.fixture
def make_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it with a plan and the fault's misbehaviour."""
    monkeypatch.setitem(faults.FAULTS, "test-file", FileFault)

    def make(
        plan: Plan | None = None, *, breaks: str = "", bites: bool = True, clock: VirtualClock | None = None
    ) -> Stage:
        plan = plan or make_plan()
        folder = tmp_path / "faults"
        folder.mkdir()
        events: list[AnyEvent] = []
        clock = clock or VirtualClock()
        ledger = Ledger(tmp_path / "ledger")
        body = FileFault(folder, breaks=breaks, bites=bites)
        session = Session(
            run_id="run-1", plan=plan, faults={f.id: body for s in plan.steps for f in s.faults},
            ground=lambda kind: None, ledger=ledger, clock=clock, t0_s=clock.now_s(), emit=events.append,
            figures=lambda window, condition: {"value": 0.0, "bad": 0, "total": 200, "text": ""},
            conclude=lambda: {"status": 0, "outcome": "held"},
        )  # fmt: skip
        return Stage(session, ledger, events, folder, clock)

    return make
