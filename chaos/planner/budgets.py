"""Which error budgets a run is charged to."""

from __future__ import annotations

from chaos.model.charge import Budgeted, PlannedSlo
from chaos.model.slo import Slo
from chaos.model.target import Target
from chaos.slo.window import length_s
from chaos.units import Duration

NORMAL = "normal"


def budgets(target: Target, load: str) -> Budgeted:
    """For a run with this traffic profile; with `none`, what real users feel is charged to the real budget."""
    return Budgeted(
        kind="real" if load == "none" else "virtual",
        slos=tuple(slo for each in target.slos if (slo := _planned(each, target, load)) is not None),
        slas=target.slas,
    )


def _planned(slo: Slo, target: Target, load: str) -> PlannedSlo | None:
    if slo.objective is None:
        return None
    event = target.events.get(slo.window.event) if slo.window.event is not None else None
    expects = event.traffic if event is not None else NORMAL
    profiles = target.traffic.profiles if target.traffic is not None else {}
    factor = profiles.get(expects, 1.0) / profiles.get(load, 1.0)
    return PlannedSlo(
        name=slo.name, condition=slo.objective, window=str(slo.window),
        length=Duration(length_s(slo.window, target.events)),
        traffic="" if load == "none" else expects, factor=1.0 if load == "none" else factor,
        once=event is not None, begins=None if event is None else event.starts,
        budgeting=slo.budgeting, slice=slo.slice, slice_target=slo.slice_target,
    )  # fmt: skip
