"""The JSON Schemas agree with the loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chaos.faults import FAULTS
from chaos.spec import files
from chaos.spec.marked import plain
from chaos.spec.schema import experiment_schema, target_schema

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).parent / "files"
EXPERIMENTS = [*sorted((ROOT / "experiments").glob("*.yaml")), FILES / "experiments" / "good.yaml"]
TARGETS = [*sorted((ROOT / "targets").glob("*.yaml")), FILES / "targets" / "shop.yaml"]
SCHEMAS = {"experiment": experiment_schema(), "target": target_schema()}


def complaints(name: str, value: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMAS[name]).iter_errors(value)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_one(name: str) -> None:
    """Valid by its own dialect, and every reference in it leads somewhere."""
    Draft202012Validator.check_schema(SCHEMAS[name])
    text = str(SCHEMAS[name])
    for word in SCHEMAS[name]["$defs"]:
        assert f"#/$defs/{word}'" in text, f"{word} is not used"


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: p.name)
def test_shipped_experiments_are_valid(path: Path) -> None:
    """An editor must not underline what the loader accepts."""
    assert complaints("experiment", plain(files.read(path).root)) == []


@pytest.mark.parametrize("path", TARGETS, ids=lambda p: p.name)
def test_shipped_targets_are_valid(path: Path) -> None:
    """An editor must not underline what the loader accepts."""
    assert complaints("target", plain(files.read(path).root)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"titel": "x"}, {"title": ""}, {"recovery": 15}, {"recovery": "15"}, {"method": []}, {"method": [{}]},
        {"method": [{"latancy": {}}]}, {"method": [{"latency": {"link": "web -> db", "delay": "300", "for": "1s"}}]},
        {"method": [{"latency": {"link": "web -> db", "delay": "300ms"}}]},
        {"method": [{"latency": {"link": "web -> db", "dealy": "300ms", "for": "1s"}}]},
        {"method": [{"wait": "10s", "pause": {"service": "web", "for": "1s"}}]},
        {"method": [{"together": [{"pause": {"service": "web", "for": "1s"}}]}]},
        {"hypothesis": []}, {"hypothesis": ["fast"]}, {"abort": [3]},
        {"profiles": {"ci": {"windows": {"befor": "1s"}}}},
    ],
)  # fmt: skip
def test_what_the_loader_refuses_by_form_is_refused_here_too(change: dict[str, Any]) -> None:
    """Unknown keys, missing keys and missing units show up while typing."""
    good = plain(files.read(FILES / "experiments" / "good.yaml").root)
    assert complaints("experiment", good) == []
    assert complaints("experiment", good | change) != []


def test_a_comparison_is_a_condition_and_no_abort_condition() -> None:
    """As the loader has it."""
    whole = plain(files.read(EXPERIMENTS[-1]).root)
    assert complaints("experiment", whole | {"during": ["pages.p99 no worse than before by 50%"]}) == []
    assert complaints("experiment", whole | {"during": ["pages.p99 no worse than yesterday"]})
    assert complaints("experiment", whole | {"abort": ["pages.p99 no worse than before"]})


@pytest.mark.parametrize("word", FAULTS)
def test_editors_are_told_what_every_fault_and_key_means(word: str) -> None:
    """Completion shows the fault's docstring, and a description for each of its keys."""
    fault = SCHEMAS["experiment"]["$defs"][f"fault-{word}"]
    assert fault["description"]
    assert [key for key, schema in fault["properties"].items() if "description" not in schema] == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_of_our_files_is_described(name: str) -> None:
    """No key without a word on what it means."""
    missing = [key for key, schema in SCHEMAS[name]["properties"].items() if "description" not in schema]
    assert missing == []
