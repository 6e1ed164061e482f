"""What `saleproof calibrate` makes of its runs: simulated ones, whose noise is known."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from chaos.calibration import noise, null, power
from chaos.calibration.noise import RunNoise
from chaos.calibration.together import together
from chaos.judge import judge
from chaos.model.calibration import Calibration
from chaos.report.calibration import render
from chaos.spec.target import load_target
from chaos.units import Duration

from ..e2e.conftest import ROOT
from .noise import bursts, independent
from .nullruns import AVAILABILITY, CONDITIONS, RATE, null_run, stage, with_failures


def learned(kind: Any, count: int = 4, load: float = 0.5, harm: float = 0.0) -> list[RunNoise]:
    dice = np.random.default_rng(5)
    journals = [null_run(dice, kind, load) for _ in range(count)]
    journals = [with_failures(journal, "after 2", harm, dice) if harm else journal for journal in journals]
    return [noise.of_run(journal, judge(journal)) for journal in journals]


def whole(runs: list[RunNoise], **more: Any) -> Calibration:
    plan, _, _ = stage()
    return together(runs, plan, planned=len(runs), **more)


def test_the_usual_share_and_the_rate_are_those_of_the_target() -> None:
    """Half of every budget is used, at 200 requests a second."""
    availability = noise.of_condition(CONDITIONS[0], 0, learned(independent))
    assert availability.per_s == pytest.approx(RATE, rel=0.05)
    assert availability.low is not None
    assert availability.high is not None
    assert availability.low <= AVAILABILITY / 2 <= availability.high


def test_bursts_are_told_from_chance() -> None:
    """Failures in bursts of ten against independent ones."""
    calm, bunched = (
        noise.of_condition(CONDITIONS[1], 1, learned(kind)).dispersion for kind in (independent, bursts(10))
    )
    assert calm is not None
    assert bunched is not None
    assert calm == pytest.approx(1.0, abs=0.25)
    assert bunched > 2.5
    assert noise.dispersion(np.zeros(50, np.int64), np.full(50, 40)) is None


def test_seconds_that_resemble_their_neighbours_are_told() -> None:
    """AR(1) with 0.8 from one second to the next, and none."""
    dice = np.random.default_rng(1)
    series = []
    for _ in range(10):
        steps = dice.standard_normal(60)
        for i in range(1, 60):
            steps[i] += 0.8 * steps[i - 1]
        series.append(steps)
    assert noise.autocorrelation(series) == pytest.approx(0.8, abs=0.1)
    assert noise.autocorrelation([dice.standard_normal(60) for _ in range(10)]) == pytest.approx(0.0, abs=0.1)
    assert noise.autocorrelation([np.ones(5)]) is None


def test_a_calm_target_says_how_soon_it_would_show_harm() -> None:
    """At 200 requests a second an outage takes under a second, as published."""
    found = whole(learned(independent, load=0.05))
    assert (found.alarmed, found.exit_code) == (0, 0)
    assert found.alarm_rate_at_most == pytest.approx(1 - 0.05 ** (1 / 4), rel=1e-6)
    outage, tenfold = found.objectives[0].detections
    assert outage.p95_s is not None
    assert outage.p95_s <= 1.0
    assert tenfold.median_s is not None
    assert 1.0 < tenfold.median_s < 8.0
    # No failure takes 2,995 requests; the usual ones and chance make it longer.
    assert found.objectives[0].window_to_hold_s is not None
    assert 15.5 <= found.objectives[0].window_to_hold_s < 40
    text = render(found, colour=False)
    assert "no run of 4 called anything deviated" in text
    assert "299 prove 1 %" in text


def test_an_alarm_without_a_fault_is_the_targets_noise_and_exits_with_1() -> None:
    """Whatever the runs' own outcomes were."""
    found = whole(learned(independent, count=2, load=0.05, harm=0.3))
    assert (found.alarmed, found.exit_code) == (2, 1)
    assert any("after 2: availability" in alarm for alarm in found.alarms)
    assert "cannot be told from the target's own noise" in " ".join(render(found, colour=False).split())


def test_an_objective_that_is_usually_missed_is_never_held() -> None:
    """No window is long enough."""
    assert power.window_to_hold_s(0.02, 0.01, 100.0) is None
    assert power.window_to_hold_s(0.0, 0.01, 0.0) is None


def test_an_objective_of_which_nothing_was_measured_is_no_calm_one() -> None:
    """Exit 2: what has no samples cannot be called deviated, so that it was not proves nothing."""
    runs = [dataclasses.replace(run, bins=(*run.bins[:-1], (np.zeros(0), np.zeros(0)))) for run in learned(independent)]
    found = whole(runs)
    assert (found.alarmed, found.exit_code) == (0, 2)
    assert f"nothing was measured of {CONDITIONS[-1].text}: no run could have" in " ".join(render(found).split())


def test_an_interrupted_calibration_says_what_was_learned() -> None:
    """130, and the figures of the runs that were completed."""
    found = whole(learned(independent, count=2, load=0.05), interrupted="interrupted in run 3", by_hand=True)
    assert found.exit_code == 130
    assert "interrupted in run 3" in render(found, colour=False)
    none = whole([], interrupted="interrupted in run 1")
    assert "nothing is known" in render(none, colour=False)


def test_the_experiment_is_the_file_that_it_says(tmp_path: Any) -> None:
    """Whoever reads the record can run it again."""
    from chaos.spec import load_experiment

    target = load_target(ROOT / "targets" / "shop.yaml")
    made = null.experiment(target, null.objectives(target), Duration(5))
    path = tmp_path / "null.yaml"
    path.write_text(made.text)
    loaded, _ = load_experiment(path, target_file=ROOT / "targets" / "shop.yaml")
    assert loaded.title == made.title
    first = {c.key: c.text for c in reversed(made.hypothesis)}
    assert {c.text for c in loaded.hypothesis} == set(first.values())
    assert loaded.method[0].faults[0].kind == "placebo"
    assert loaded.tags == ("calibration",)
