"""The fixtures of the faults' tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_path = Path(__file__).parents[1] / "faults" / "conftest.py"
_spec = importlib.util.spec_from_file_location("faults_conftest", _path)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules["faults_conftest"] = _module
_spec.loader.exec_module(_module)

shop = _module.shop
traffic = _module.traffic
