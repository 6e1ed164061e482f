"""Files of the Chaos Toolkit."""

# ruff: noqa: E501 (a row of a table is one line)
from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaos.errors import SpecError
from chaos.spec.chaostoolkit import load_chaostoolkit

GOOD = {
    "title": "x",
    "description": "y",
    "steady-state-hypothesis": {"title": "z", "probes": []},
    "method": [
        {"type": "action", "name": "a", "provider": {"type": "python", "module": "time", "func": "sleep", "arguments": {"secs": 0}}}
    ],
}  # fmt: skip


def write(path: Path, value: object) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value, indent=1))
    return path


def test_yaml_and_json_are_read_by_its_own_loader(tmp_path: Path) -> None:
    """Also what our own files may not have: anchors."""
    good = {**GOOD, "method": [{"type": "action", "name": "a", "provider": {"type": "process", "path": "true"}}]}
    assert load_chaostoolkit(write(tmp_path / "x.json", good)) == good
    text = "title: &t x\ndescription: *t\nmethod: []\n"
    assert load_chaostoolkit(write(tmp_path / "x.yaml", text))["description"] == "x"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("x.json", {**GOOD, "title": ""}, "x.json: not a valid Chaos Toolkit experiment: experiment requires a title"),
        ("x.json", {k: v for k, v in GOOD.items() if k != "method"}, "an experiment requires a method"),
        ("x.json", {**GOOD, "method": [{"type": "action", "name": "a"}]}, "not a valid Chaos Toolkit experiment"),
        ("x.json", {**GOOD, "method": [{"ref": "nobody"}]}, "not a valid Chaos Toolkit experiment"),
        ("x.json", {**GOOD, "method": 3}, "not a valid Chaos Toolkit experiment"),
        ("x.json", [], "expected a mapping at the top"),
        ("x.json", '{"title": "x",\n}', "x.json:2: not JSON"),
        ("x.yaml", "title: x\nmethod: [a\n", "x.yaml:3: not YAML: "),
        ("x.yaml", "title: !!python/name:os.system x\n", "x.yaml:1: not YAML: could not determine a constructor"),
        ("x.yaml", "[" * 5000, "x.yaml"),
        ("x.yaml", "", "the file is empty"),
        ("x.txt", "title: x", "reads .yaml, .yml and .json only"),
    ],
)
def test_what_it_would_refuse_is_an_error_of_ours(tmp_path: Path, name: str, value: object, words: str) -> None:
    """Its exceptions, in our words, with the file and the line where there is one."""
    with pytest.raises(SpecError) as caught:
        load_chaostoolkit(write(tmp_path / name, value))
    assert words in str(caught.value)


def test_a_provider_that_does_not_exist_is_found_before_the_run(tmp_path: Path) -> None:
    """Nothing is called, but it is looked up."""
    bad = {
        **GOOD,
        "method": [{"type": "action", "name": "a", "provider": {"type": "python", "module": "no_such", "func": "f"}}],
    }
    with pytest.raises(SpecError, match="no_such"):
        load_chaostoolkit(write(tmp_path / "x.json", bad))
    assert load_chaostoolkit(tmp_path / "x.json", check=False) == bad
