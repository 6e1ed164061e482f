"""The registry: every fault has its file, its tests, and an example that loads."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.faults import FAULTS
from chaos.model.base import from_json, to_json
from chaos.spec.method import read_method
from chaos.spec.problems import Problems
from chaos.spec.yaml import parse


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_has_its_own_file_and_its_own_tests(kind: str) -> None:
    """`slow-close` lives in slow_close.py and is tested in test_slow_close.py."""
    name = kind.replace("-", "_")
    assert Path(inspect.getfile(FAULTS[kind])).name == f"{name}.py"
    tests = Path(__file__).with_name(f"test_{name}.py")
    assert "\ndef test_" in tests.read_text()


@pytest.mark.parametrize("kind", FAULTS)
def test_every_example_loads(kind: str) -> None:
    """The line that the reference shows is one that the file loader takes, and survives a plan's JSON."""
    fault = FAULTS[kind]
    problems = Problems("example.yaml")
    (step,) = read_method(parse(f"- {fault.example}", "example.yaml"), FAULTS, None, problems)
    problems.done()
    (spec,) = step.faults
    assert (spec.kind, type(spec.fault)) == (kind, fault)
    assert spec.duration > 0
    assert from_json(to_json(spec.fault), fault) == spec.fault


def test_the_registry_is_quick_to_import() -> None:
    """`validate` needs the parameters of faults alone, and none of what faults do."""
    heavy = "requests, toxiproxy, psycopg, numpy, asyncio, aiohttp, subprocess, socket, concurrent.futures"
    code = f"import sys, chaos.faults; print([m for m in {heavy.split(', ')!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
