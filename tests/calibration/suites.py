"""Every suite there is, in the order of the table."""

from __future__ import annotations

from .comparisons import WORSE
from .intervals import COVERAGE, HELD
from .recoveries import RECOVERY
from .sequential import DRIFT, JUDGED, NULL, POWER
from .suite import Suite

SUITES: dict[str, Suite] = {
    suite.name: suite for suite in (NULL, DRIFT, HELD, POWER, JUDGED, WORSE, RECOVERY, COVERAGE)
}
