"""Prometheus' own tool: `.bin/promtool`, or one on the path."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def promtool() -> str:
    """Skips where there is none, unless it is required."""
    found = shutil.which("promtool", path=f"{ROOT / '.bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        if os.environ.get("SALEPROOF_REQUIRE_PROMETHEUS"):
            pytest.fail("promtool is required, and is not here; ci/prometheus brings it")
        pytest.skip("promtool is not here; ci/prometheus brings it")
    return found


def check(rules: Any, folder: Path) -> None:
    """Does Prometheus take these rules?"""
    done = _run("check", rules, folder / "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def expect(
    rules: Any, folder: Path, series: dict[str, str], expected: dict[tuple[str, str], float], *, interval: str = "1m"
) -> None:
    """Do these expressions, at these times, have these values (to a billionth) once Prometheus has had the series?
    `{("slo:bad:ratio_rate5m", "10m"): 0.1}`; NaN stands for no value at all."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    tests = [
        {"expr": f"absent({expr})" if value != value else f"max(abs({expr} - {value!r}) <= bool 1e-9)", "eval_time": at,
         "exp_samples": [{"labels": "{}", "value": 1}]}
        for (expr, at), value in expected.items()
    ]  # fmt: skip
    document = {
        "rule_files": ["rules.yaml"], "evaluation_interval": interval,
        "tests": [
            {"interval": interval, "input_series": [{"series": s, "values": v} for s, v in series.items()],
             "promql_expr_test": tests}
        ],
    }  # fmt: skip
    done = _run("test", document, folder / "test.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def _run(word: str, document: Any, path: Path) -> subprocess.CompletedProcess[str]:
    path.write_text(yaml.safe_dump(document))
    return subprocess.run(
        [promtool(), word, "rules", path.name],
        cwd=path.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
