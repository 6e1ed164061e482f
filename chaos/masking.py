"""Secrets out of texts and values: what is recorded, shown or reported never has them.

A leaf like `errors`. What counts as one: the password in a URL, and whatever stands under a name that ends in a word
such as `password`, `token` or `api-key`. A secret under another name, or in a sentence, is not recognised.
"""

from __future__ import annotations

import re

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MASK = "***"
_NAMES = (
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|secret[-_]?key"
    r"|authorization|cookie|credentials?)"
)
# A word that ends in one of them, from its beginning: each is looked at once.
_WORD = rf"(?<![\w.-])[\w.-]*{_NAMES}"
_NAME = re.compile(_WORD, re.IGNORECASE)
# `scheme://user:password@host`; a password that is not encoded may itself hold an @.
_IN_URL = re.compile(r"""(?P<before>://[^\s/:@"']*:)[^\s/"',]*@""")
# `password=...` in a connection string or an address.
_ASSIGNED = re.compile(rf"""(?P<before>{_WORD}=)(?:'[^']*'|"[^"]*"|[^\s&;,}}\]"'@]+)""", re.IGNORECASE)
# `Authorization: Bearer ...` in YAML, JSON or an HTTP header; a mapping or a list in its place is looked into instead.
_UNDER = re.compile(
    rf"""(?P<before>{_WORD}(?:["']?[ \t]*:[ \t]+|["']:))"""
    r"""(?:'[^'\n]*'|"[^"\n]*"|[^\s,}\]\[{"'][^,}\]\n]*)""",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """The same text without the secrets in it."""
    text = _IN_URL.sub(rf"\g<before>{MASK}@", text)
    text = _ASSIGNED.sub(rf"\g<before>{MASK}", text)
    return _UNDER.sub(rf"\g<before>{MASK}", text)


def masked_tree(value: Any) -> Any:
    """The same plain data (dicts, lists, scalars) without the secrets in it."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {
            key: MASK if isinstance(inner, str) and inner and _NAME.fullmatch(str(key)) else masked_tree(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked_tree(inner) for inner in value]
    return value
