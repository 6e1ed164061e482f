"""Whatever a file holds, what comes out is a noun or a SpecError."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaos import planner, spec
from chaos.errors import SpecError
from chaos.spec import files
from chaos.spec.marked import plain

FILES = Path(__file__).parent / "files"
TEXTS = {
    "experiment": (FILES / "experiments" / "good.yaml").read_text(),
    "target": (FILES / "targets" / "shop.yaml").read_text(),
}
TREES = {
    name: plain(files.read(FILES / f"{name}s" / file).root)
    for name, file in (("experiment", "good.yaml"), ("target", "shop.yaml"))
}
TARGET = spec.load_target(FILES / "targets" / "shop.yaml")

# Made with the examples that hurt other readers of YAML in mind.
JUNK = st.sampled_from(
    [
        "", "~", "null", "[]", "{}", "&a", "*a", "!!python/object:x", "---", "- -", "? :", "%YAML 1.1", "\t", "'", '"',
        "{", "[", "|", ">", "|2", "#", ": ", "<<: {}", "\u2028", "\u0085", "\ufeff", "é", "\U0001f600", "\x00", "\r",
        "0o99", "1e999", ".nan",
        "9" * 400, "-> ", "web -> ", "99.9%", "p99 < 2s", "300ms", "1/0", "-1s", "web-1", "for", "true", "1.5",
    ]
)  # fmt: skip

LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), JUNK,
    st.text(max_size=20),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)

Checker = Callable[[str], None]
ROUGH = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def check(tmp_path: Path, request: pytest.FixtureRequest) -> Checker:
    """Load a text as a file of the given kind, and plan it when it is right: nothing but SpecError may come out."""

    def load(text: str) -> None:
        path = tmp_path / "x.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            spec.kind(path)
            if "services" in text[:400] and "traffic:" in text:
                spec.load_target(path)
                return
            for profile in (None, "ci"):
                experiment, target = spec.load_experiment(path, target=TARGET, profile=profile)
                inventory = planner.planned_inventory(target, "resilient", "embedded")
                planner.plan(experiment, target, inventory, variant="resilient", seed=1, allow_undecidable=True)
        except SpecError as error:
            said = error
        else:
            return
        assert str(said).strip()
        assert said.exit_code in (65, 69)

    return load


def mutate_text(text: str, data: st.DataObject) -> str:
    """Cut, repeat, swap or put junk into some lines."""
    lines = text.split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        column = data.draw(st.integers(0, len(line)))
        match data.draw(st.sampled_from(["junk", "cut", "repeat", "drop", "indent", "swap"])):
            case "junk":
                lines[at] = line[:column] + data.draw(JUNK) + line[column:]
            case "cut":
                lines[at] = line[:column]
            case "repeat":
                lines.insert(at, line)
            case "drop":
                lines[at] = ""
            case "indent":
                lines[at] = " " * data.draw(st.integers(0, 6)) + line.lstrip()
            case _:
                other = data.draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
    return "\n".join(lines)


def mutate_tree(tree: Any, data: st.DataObject) -> Any:
    """Replace one value somewhere, drop or rename a key."""
    if isinstance(tree, dict) and tree and data.draw(st.integers(0, 5)):
        key = data.draw(st.sampled_from(sorted(tree)))
        match data.draw(st.integers(0, 9)):
            case 0:
                return {k: v for k, v in tree.items() if k != key}
            case 1:
                return {(f"{k}x" if k == key else k): v for k, v in tree.items()}
            case _:
                return {k: (mutate_tree(v, data) if k == key else v) for k, v in tree.items()}
    if isinstance(tree, list) and tree and data.draw(st.integers(0, 5)):
        at = data.draw(st.integers(0, len(tree) - 1))
        return [mutate_tree(v, data) if i == at else v for i, v in enumerate(tree)]
    return data.draw(VALUES)


@pytest.mark.parametrize("name", TEXTS)
@ROUGH
@given(data=st.data())
def test_a_broken_text_is_a_spec_error(check: Checker, name: str, data: st.DataObject) -> None:
    """Good files with lines cut, repeated, swapped and spoilt."""
    check(mutate_text(TEXTS[name], data))


@pytest.mark.parametrize("name", TREES)
@ROUGH
@given(data=st.data())
def test_a_wrong_value_anywhere_is_a_spec_error(check: Checker, name: str, data: st.DataObject) -> None:
    """Good files with any value in any place."""
    tree = TREES[name]
    for _ in range(data.draw(st.integers(1, 2))):
        tree = mutate_tree(tree, data)
    check(pyyaml.safe_dump(tree, sort_keys=False, allow_unicode=True))


@ROUGH
@given(text=st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))))
def test_anything_at_all_is_a_spec_error(check: Checker, text: str) -> None:
    """Not even nearly a file of ours."""
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: " * 5000, "[" * 100_000, "{a: " * 50_000, "- " * 50_000, "? " * 50_000, "'" + "x" * 900_000,
        "a: |\n" + "  x\n" * 200_000, "\n".join(f"k{i}: v" for i in range(60_000)), "a: " + "!" * 10_000, "\t" * 10_000,
    ],
    ids=lambda text: repr(text[:12]),
)  # fmt: skip
def test_a_hostile_file_costs_little(check: Checker, text: str) -> None:
    """Deep, wide and endless files end in seconds; a wide margin, for a busy machine."""
    before = time.monotonic()
    check(text)
    assert time.monotonic() - before < 30


def test_random_bytes_are_a_spec_error(tmp_path: Path) -> None:
    """Seeded, so that a failure can be repeated."""
    chance = random.Random(7)
    path = tmp_path / "x.yaml"
    for _ in range(200):
        path.write_bytes(chance.randbytes(chance.randrange(1, 200)))
        with pytest.raises(SpecError):
            spec.load_experiment(path, target=TARGET)
