"""What a plan is told of the sources that its conditions ask."""

from __future__ import annotations

from chaos.model.experiment import Experiment
from chaos.model.plan import Measured
from chaos.model.sli import Source
from chaos.model.target import Target


def sources_of(experiment: Experiment, target: Target, variant: str) -> tuple[tuple[Measured, ...], tuple[str, ...]]:
    """Those with scrapes of somebody else's, as they are now, and why others could not be asked."""
    conditions = (*experiment.hypothesis, *experiment.during, *experiment.abort)
    if all(condition.source is not Source.PROMQL for condition in conditions):
        return (), ()
    from chaos.slis.survey import survey

    return survey(conditions, target, variant)
