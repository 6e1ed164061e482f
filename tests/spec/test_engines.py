"""Traffic that another engine makes, as a target file says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import SpecError
from chaos.spec import condition, load_target

HEAD = "target: mine\nservices: {web: {}}\n"
LOCUST = "traffic: {entry: web, rate: 50/s, locust: {file: l.py, users: 5}, names: {home: /}}\n"


def load(tmp_path: Path, text: str) -> object:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + text)
    return load_target(path)


def test_locust_and_its_names_are_read(tmp_path: Path) -> None:
    """A name is a step, for conditions; whole customers are nothing that another engine has."""
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + LOCUST)
    target = load_target(path)
    assert target.traffic is not None
    assert target.traffic.engine == "Locust"
    assert condition.parse("home.p99 < 1s", target).steps == ("home",)
    for words in ("transactions >= 99%", "customers-affected <= 1%"):
        with pytest.raises(condition.Wrong, match="its users are no customers"):
            condition.parse(words, target)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("traffic: {entry: web, rate: 1/s}", "traffic: missing key 'steps'"),
        ("traffic: {entry: web, rate: 1/s, names: {a: b}}", "traffic.names: are for the engines locust and k6"),
        (
            "traffic: {entry: web, rate: 1/s, steps: {a: {get: /}}, locust: {file: x, users: 1}}",
            "traffic.steps: locust makes the traffic; say under `names`",
        ),
        ("traffic: {entry: web, rate: 1/s, k6: {script: a}, locust: {file: x, users: 1}}", "has both locust and k6"),
        ("traffic: {entry: web, rate: 1/s, k6: {}}", "traffic.k6: needs exactly one of script and output"),
        (
            "traffic: {entry: web, rate: 1/s, k6: {output: a, args: [b]}}",
            "traffic.k6.args: are for a k6 that is started",
        ),
        ("traffic: {entry: web, rate: 1/s, locust: {file: x, users: 0}}", "traffic.locust.users: must be at least 1"),
        ("traffic: {entry: web, rate: 1/s, locust: {file: x, users: 1, processes: 0}}", "has no worker"),
        ("traffic: {entry: web, rate: 1/s, locust: {file: x, users: 1, listen: here}}", "'here' is not host:port"),
        ("traffic: {entry: web, rate: 1/s, locust: {file: x, user: 1}}", "Did you mean 'users'?"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(tmp_path, text + "\n")
    assert words in str(caught.value)
