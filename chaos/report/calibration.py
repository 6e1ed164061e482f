"""`saleproof calibrate` as text: what runs without a fault taught."""

from __future__ import annotations

import math

from chaos.model.calibration import Calibration, Detection, SliNoise
from chaos.model.words import percent, seconds
from chaos.report.paint import WIDTH, Page

# Failures at least so much more bunched than by chance deserve a word.
BUNCHED = 2.0
# Clopper and Pearson: 0 of 299 proves under 1 % with 95 %.
RUNS_FOR_ONE_PERCENT = 299
# DESIGN: so many samples call a shop steady before a fault.
STEADY_SAMPLES = 100


def render(found: Calibration, *, width: int = WIDTH, colour: bool | None = None) -> str:
    page = Page(width)
    n = len(found.runs)
    page.wrapped(f"{found.target} ({found.variant}) on {found.platform}: what runs without a fault show", "bold")
    of = f" of {found.planned}" if n < found.planned else ""
    page.wrapped(
        f"{n}{of} runs, each of three windows of {found.window}; {found.requests:,} requests"
        + (f"; {found.interrupted}" if found.interrupted else "")
    )
    page.gap()
    if not n:
        page.wrapped("no run was completed, so nothing is known", "yellow")
        return page.show(colour=colour)
    style = "bold red" if found.alarmed else "yellow" if found.unmeasured else "green"
    page.wrapped(_alarms(found), style)
    for alarm in found.alarms[:10]:
        page.wrapped(alarm, indent=2)
    if found.unsteady:
        page.wrapped(f"in {found.unsteady} of {n} runs the objectives were not met before the placebo", "yellow")
    if found.late:
        page.wrapped(f"in {found.late} of {n} runs the generator was late or sent too little", "yellow")
    if found.lag_p99_s is not None:
        page.wrapped(f"generator lag p99 {seconds(found.lag_p99_s)}")
    if found.autocorrelation is not None:
        page.wrapped(f"latency of one second and the next: correlation {found.autocorrelation:.2f}{_mood(found)}")
    for noise in found.objectives:
        page.gap()
        _objective(page, noise, float(found.window))
    return page.show(colour=colour)


def _alarms(found: Calibration) -> str:
    n = len(found.runs)
    proven = f"so many prove, with 95 %, a rate of false alarms of at most {percent(found.alarm_rate_at_most)}"
    if n < RUNS_FOR_ONE_PERCENT:
        proven += f" ({RUNS_FOR_ONE_PERCENT} prove 1 %)"
    if not found.alarmed and found.unmeasured:
        return f"nothing was measured of {', '.join(found.unmeasured)}: no run could have called that deviated"
    if not found.alarmed:
        return f"no run of {n} called anything deviated: {proven}"
    return (
        f"{found.alarmed} of {n} runs called something deviated, although nothing was done: what a fault does "
        "cannot be told from the target's own noise there"
    )


def _mood(found: Calibration) -> str:
    assert found.autocorrelation is not None
    return ", so slow seconds come together" if found.autocorrelation > 0.3 else ""


def _objective(page: Page, noise: SliNoise, window_s: float) -> None:
    page.wrapped(noise.condition, "bold")
    if not noise.total:
        page.wrapped("no samples at all", "yellow", indent=2)
        return
    assert noise.high is not None
    usual = (
        f"usually {noise.bad:,} of {noise.total:,} bad (at most {percent(noise.high)}); allowed {percent(noise.budget)}"
    )
    if noise.value is not None:
        usual += f"; measured {seconds(noise.value)}"
    page.wrapped(usual, indent=2)
    if noise.per_s * window_s < STEADY_SAMPLES:
        page.wrapped(
            f"{noise.per_s * window_s:.0f} in a window of {seconds(window_s)}; to call it steady before a fault takes "
            f"{STEADY_SAMPLES}, {seconds(math.ceil(STEADY_SAMPLES / noise.per_s))}",
            indent=2,
        )  # fmt: skip
    if noise.dispersion is not None and noise.dispersion > BUNCHED:
        page.wrapped(
            f"bad ones come in bursts (dispersion {noise.dispersion:.1f}; 1 by chance): a short window without any "
            "proves less than its count says",
            "yellow", indent=2,
        )  # fmt: skip
    for each in noise.detections:
        page.wrapped(_detection(each), indent=2)
    if noise.window_to_hold_s is None:
        page.wrapped(
            "no window proves it: the usual share of bad ones is at the objective or beyond", "yellow", indent=2
        )
    else:
        page.wrapped(f"held in a window of {seconds(noise.window_to_hold_s)} (19 times in 20)", indent=2)
    if noise.window_to_compare_s is not None:
        page.wrapped(
            f"1.5 times as slow is `worse than before` in windows of {seconds(noise.window_to_compare_s)}", indent=2
        )


def _detection(each: Detection) -> str:
    if each.median_s is None:
        return f"{each.harm}: not certain within 10 min"
    late = "later than 10 min" if each.p95_s is None else f"within {seconds(each.p95_s)}"
    return f"{each.harm}: certain after {seconds(each.median_s)} (median), 19 times in 20 {late}"
