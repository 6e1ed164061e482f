"""The fixtures of the faults' tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from dockerfixtures import containers
from shopfixtures import shop, traffic

__all__ = ["containers", "shop", "traffic"]
