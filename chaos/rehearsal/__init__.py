"""One run wired together: platform, traffic, SLIs, guard, watchdog, store, judge. Used by `saleproof run`, by the
control that the Chaos Toolkit loads for an exported experiment, and by the watchdog when a runner has died."""
