"""Which sort of file is it?"""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import SpecError
from chaos.spec import kind

CTK = "title: x\ndescription: y\nsteady-state-hypothesis: {title: z, probes: []}\nmethod: []\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CTK, "chaostoolkit"),
        ("title: x\nmethod:\n- type: action\n  name: y\n", "chaostoolkit"),
        ("title: x\nmethod: []\nrollbacks: [{type: probe}]\n", "chaostoolkit"),
        ("a: &a 1\nb: *a\n" + CTK, "chaostoolkit"),
        ("title: x\ntarget: shop\nmethod: []\n", "experiment"),
        ("title: x\ntarget: shop\nsteady-state-hypothesis: {}\n", "experiment"),
        ("title: x\nmethod: [{latency: {type: y}}]\n", "experiment"),
        ("title: x\nmethod: [{name: type}]\n", "experiment"),
        ("title: x\nother: [{type: action}]\nmethod: []\n", "experiment"),
        ("target: shop\nservices: {}\n", "target"),
        ("target: shop\nservices: {}\nmethod: []\n", "experiment"),
        ("services: {}\n", "target"),
        ("just a text\n", "experiment"),
        ("- a\n- b\n", "experiment"),
        ("a: [\n", "experiment"),
    ],
)
def test_a_file_is_known_by_its_top_level_keys(tmp_path: Path, text: str, expected: str) -> None:
    """A Chaos Toolkit file has no `target`, and a `steady-state-hypothesis` or typed activities."""
    path = tmp_path / "x.yaml"
    path.write_text(text)
    assert kind(path) == expected


def test_an_unreadable_file_is_an_error_already_here(tmp_path: Path) -> None:
    """Nothing can be said of a file that cannot be read."""
    with pytest.raises(SpecError, match="no such file"):
        kind(tmp_path / "none.yaml")
    (tmp_path / "empty.json").write_text("")
    with pytest.raises(SpecError, match="the file is empty"):
        kind(tmp_path / "empty.json")
