"""Queries of a target file: `{name}` in them, and which of them are selectors, whose raw samples can be had.

A brace with one word in it is nothing in PromQL, so that a variable is never mistaken for a matcher.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

VARIABLE = re.compile(r"\{([A-Za-z][A-Za-z0-9_-]*)\}")
# What a value may hold goes into a quoted string unchanged, whichever quotes they are.
VALUE = re.compile(r"""[^"'`\\{}\n\r\x00]*""")
# Filled in without being declared.
BUILT_IN = ("target", "variant", "environment")

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_STRING = r"""(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)"""
_MATCHER = rf"\s*[a-zA-Z_][a-zA-Z0-9_]*\s*(?:=~|!~|!=|=)\s*{_STRING}\s*"
_SELECTOR = re.compile(rf"\s*(?P<name>{_NAME})?\s*(?:\{{(?P<inside>(?:{_MATCHER}(?:,{_MATCHER})*,?)?\s*)\}})?\s*")


def variables(query: str) -> tuple[str, ...]:
    """The names of the variables in a query."""
    return tuple(VARIABLE.findall(query))


def filled(query: str, values: Mapping[str, str]) -> str:
    """The query as it is sent. Raises: KeyError for a variable without a value."""
    return VARIABLE.sub(lambda found: values[found[1]], query)


def is_selector(query: str) -> bool:
    """`http_requests_total{code!~"5.."}` and no function, operator or range."""
    found = _SELECTOR.fullmatch(query)
    return found is not None and bool(found["name"] or (found["inside"] or "").strip())


def bucket_selector(histogram: str, bounds: Iterable[str]) -> str:
    """Of a histogram's selector, that of its buckets that end there (as the label `le` spells it). Raises: ValueError
    when it does not begin with the histogram's name."""
    found = _SELECTOR.fullmatch(histogram)
    if found is None or not found["name"]:
        raise ValueError(f'{histogram!r} does not begin with the name of a histogram, as in name{{label="value"}}')
    inside = (found["inside"] or "").strip().rstrip(",")
    # In a regular expression + and . have their own meaning, and a backslash has one in a quoted string.
    spelt = "|".join(re.escape(bound) for bound in bounds).replace("\\", "\\\\")
    ends = f'le=~"{spelt}"' if spelt else ""
    return f"{found['name']}_bucket{{{', '.join(part for part in (inside, ends) if part)}}}"
