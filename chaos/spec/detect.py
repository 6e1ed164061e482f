"""Which of the three sorts of file one is, from its top-level keys, without insisting that it is right."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml as pyyaml

from chaos.errors import SpecError
from chaos.spec.files import read_text
from chaos.spec.yaml import LOADER

FileKind = Literal["experiment", "target", "chaostoolkit"]

# A target file and an experiment both say `target`; these keys are a target's alone.
_TARGETS_OWN = frozenset({"services", "platforms", "traffic", "links"})
_EXPERIMENTS_OWN = frozenset({"method", "hypothesis"})
# Nobody's file is so deep; the parser's time grows with the square of it.
_DEEP = 200

_ACTIVITIES = frozenset({"method", "rollbacks"})


def kind(path: str | Path) -> FileKind:
    """A Chaos Toolkit file has no `target`, and has a `steady-state-hypothesis` or typed activities; a target file has
    parts that only a target has. Everything else is read as an experiment. Raises: SpecError when it is unreadable."""
    text = read_text(path)
    if not text.strip():
        raise SpecError("the file is empty", path=path)
    keys, typed = _look(text)
    if "target" not in keys and ("steady-state-hypothesis" in keys or typed):
        return "chaostoolkit"
    if keys & _TARGETS_OWN and not keys & _EXPERIMENTS_OWN:
        return "target"
    return "experiment"


def _look(text: str) -> tuple[set[str], bool]:
    """The top-level keys, and whether there is an activity with a `type` among the method or the rollbacks."""
    keys: set[str] = set()
    typed, key, depth, expects_key = False, "", 0, {1: True, 3: True}
    try:
        # Events, because a Chaos Toolkit file may well have the anchors and tags that ours may not.
        for event in pyyaml.parse(text, Loader=LOADER):
            if isinstance(event, pyyaml.CollectionEndEvent):
                depth -= 1
                expects_key[depth] = not expects_key.get(depth, True)
            elif isinstance(event, pyyaml.NodeEvent):
                if depth in (1, 3) and expects_key[depth] and isinstance(event, pyyaml.ScalarEvent):
                    if depth == 1:
                        key = event.value
                        keys.add(key)
                    elif key in _ACTIVITIES and event.value == "type":
                        typed = True
                if isinstance(event, pyyaml.CollectionStartEvent):
                    depth += 1
                    if depth > _DEEP:
                        break
                    expects_key[depth] = True
                else:
                    expects_key[depth] = not expects_key.get(depth, True)
    except pyyaml.YAMLError:
        pass  # what was seen so far decides; whoever loads the file says what is wrong with it
    return keys, typed
