"""All runs of a calibration together: false alarms, noise, and what harm the traffic can show how soon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chaos.calibration.noise import RunNoise, autocorrelation, of_condition, seconds_together
from chaos.calibration.power import with_power
from chaos.model.calibration import Calibration
from chaos.model.plan import Plan
from chaos.model.verdict import Outcome
from chaos.stats.binomial import upper_bound
from chaos.stats.sequential import needed


def together(
    runs: Sequence[RunNoise], plan: Plan, *, planned: int, interrupted: str = "", by_hand: bool = False
) -> Calibration:
    """The whole calibration. `planned` is how many were asked for; `interrupted` says why it ended
    before that, `by_hand` whether a person ended it."""
    outcomes = [run.outcome for run in runs]
    alarmed = sum(bool(run.alarms) for run in runs)
    lags_us = np.concatenate([run.lags_us for run in runs]) if runs else np.zeros(0, np.int64)
    e_needed = needed(plan.tests, plan.alpha)
    return Calibration(
        target=plan.target, variant=plan.variant, platform=plan.platform, load=plan.load,
        window=plan.windows[0].length, planned=planned, runs=tuple(run.run for run in runs),
        held=outcomes.count(Outcome.HELD), deviated=outcomes.count(Outcome.DEVIATED),
        inconclusive=outcomes.count(Outcome.INCONCLUSIVE), alarmed=alarmed,
        alarms=tuple(f"{run.run}: {alarm}" for run in runs for alarm in run.alarms),
        alarm_rate_at_most=upper_bound(alarmed, len(runs)), unsteady=sum(run.unsteady for run in runs),
        late=sum(run.late for run in runs), requests=sum(run.requests for run in runs),
        lag_p99_s=float(np.percentile(lags_us, 99, method="higher")) / 1e6 if len(lags_us) else None,
        autocorrelation=autocorrelation([run.log_means for run in runs]),
        objectives=tuple(
            with_power(of_condition(condition, index, runs), condition, e_needed, seconds_together(index, runs))
            for index, condition in enumerate(plan.windows[0].conditions)
        ),
        interrupted=interrupted, by_hand=by_hand,
    )  # fmt: skip
