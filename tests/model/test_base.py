"""Nouns as JSON and back."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from chaos.model.base import Noun, from_json, to_json
from chaos.units import Duration

ROOT = Path(__file__).parents[2]


class Thing(Noun):
    """For these tests."""

    names: dict[str, int]
    wait: Duration = Duration(1)


def test_the_order_of_keys_survives() -> None:
    """Steps and services are numbered by their order in the file, on both ends of a pipe."""
    assert list(from_json(to_json(Thing(names={"z": 1, "a": 2})), Thing).names) == ["z", "a"]


def test_quantities_come_back_as_quantities() -> None:
    """A duration is seconds on the way, and a duration at the end."""
    back = from_json(to_json(Thing(names={}, wait=Duration(0.3))), Thing)
    assert back.wait == Duration(0.3)
    assert str(back.wait) == "300ms"


def test_unknown_keys_are_refused() -> None:
    """Everywhere, not only in files."""
    with pytest.raises(msgspec.ValidationError, match="extra"):
        from_json('{"names": {}, "extra": 1}', Thing)


# Many types are used for the first time, each by several threads at once. `raw` is how msgspec itself does it.
RACE = """
import sys, threading, types
sys.setswitchinterval(1e-6)
import msgspec
from chaos.model.base import from_json, from_plain
SOURCE = '''
from __future__ import annotations
from chaos.model.base import Noun
class Inner(Noun):
    a: int
    b: str = ""
    c: dict[str, str] = {}
class Outer(Noun):
    x: Inner
    y: tuple[Inner, ...] = ()
    z: float | None = None
'''
convert = msgspec.convert if sys.argv[1] == "raw" else from_plain
for number in range(int(sys.argv[2])):
    module = types.ModuleType(f"made{number}")
    sys.modules[module.__name__] = module
    exec(SOURCE, module.__dict__)
    barrier, failed = threading.Barrier(8), []
    def use():
        barrier.wait()
        try:
            assert convert({"x": {"a": 1}, "y": [{"a": 2}]}, module.Outer).y[0].a == 2
        except BaseException as cause:
            failed.append(cause)
    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[0]
"""


def test_a_type_is_learnt_by_one_thread_at_a_time() -> None:
    """msgspec crashes the process otherwise, now and then: a watchdog died of it in the middle of its reverts."""
    ours = subprocess.run([sys.executable, "-c", RACE, "ours", "300"], capture_output=True, text=True, check=False)
    assert ours.returncode == 0, ours.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "chaos").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_else_reads_into_types(path: Path) -> None:
    """`from_json` and `from_plain` are the only ways, and `make_ready` goes before a decoder of one's own."""
    text = path.read_text()
    if path.name == "base.py" and path.parent.name == "model":
        return
    assert "msgspec.convert(" not in text
    assert not re.search(r"msgspec\.(json|msgpack|yaml)\.decode\([^)]*type=", text)
    assert not re.search(r"msgspec\.\w+\.Decoder\(", text) or "make_ready(" in text
