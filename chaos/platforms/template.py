"""Variables in a target file: `{port}`, `{link:db}`. Other braces stay as they are; `{{word}}` writes `{word}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chaos.errors import SpecError, nearest

# A whole lower-case word in braces is a variable; JSON, shell and Go templates look different.
_VARIABLE = re.compile(r"\{\{(?P<literal>[a-z]+(?::[\w-]+)?)\}\}|\{(?P<name>[a-z]+(?::[\w-]+)?)\}")


def fill(text: str, values: Mapping[str, str], *, where: str, path: str = "") -> str:
    """`text` with its variables filled in. Raises: SpecError for an unknown one, with the nearest that is known."""

    def one(found: re.Match[str]) -> str:
        literal, name = found["literal"], found["name"]
        if literal is not None:
            return f"{{{literal}}}"
        if name not in values:
            raise SpecError(
                f"{where}: unknown variable '{{{name}}}' in {text!r}.{nearest(name, values)} "
                f"For the word itself, write '{{{{{name}}}}}'",
                path=path or None,
            )
        return values[name]

    return _VARIABLE.sub(one, text)


def named_ports(texts: list[str]) -> tuple[str, ...]:
    """The NAMEs of every `{port:NAME}`, in order, once each."""
    found = (match["name"] for text in texts for match in _VARIABLE.finditer(text))
    return tuple(dict.fromkeys(name.removeprefix("port:") for name in found if name and name.startswith("port:")))
