"""JSON Schemas (2020-12) of experiment and target files, made from the classes that the files are read with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, get_args, get_origin

import msgspec

from chaos.model.base import Noun
from chaos.spec.experiment_file import ExperimentPart
from chaos.spec.keys import choices, descriptions, first_line, is_noun, keys_of, strip
from chaos.spec.method import FOR, SCOPE_KEYS, SHARE, common_keys
from chaos.spec.target_file import TargetPart
from chaos.units import Duration, Quantity, Ratio

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

CONDITION: Schema = {
    "type": "string",
    "pattern": r"^([^<>=]+(<=?|>=?)[^<>=]+|\s*\S+\s+no\s+worse\s+than\s+before(\s+by\s+.+)?\s*)$",
    "description": "A condition: [scope.]sli op value, such as `checkout.p99 < 2s` or `availability >= 99.9%`; or "
    "[scope.]percentile no worse than before [by ratio].",
}
ABORT: Schema = CONDITION | {
    "pattern": r"^([^<>=]+(<=?|>=?)[^<>=]+|(\S+\s+)?deviated)$",
    "description": "What is too bad to go on: [scope.]sli op value [for duration], such as `error-rate > 25% for 3s`; "
    "or [[scope.]sli] deviated.",
}
# Keys whose texts are conditions, by the class that has them.
_CONDITIONS = {"hypothesis": "condition", "during": "condition", "abort": "abort-condition"}

COMMON: dict[str, tuple[Any, str]] = {
    FOR: (Duration, "How long it is on."),
    SHARE: (Ratio, "On so many of the places only, chosen by the run's seed: `1/3` or `50%`. All when left out."),
    "link": (str, "The link, written from the one that dials: `web -> db`, or `web-1 -> db` for one instance."),
    "service": (str, "A service (all its instances) or one instance: `web`, `web-2`."),
    "between": (tuple[tuple[str, ...], tuple[str, ...]], "Two groups of services: `[[web], [db, replica]]`."),
}


def experiment_schema() -> Schema:
    """What an editor needs to check and complete an experiment file."""
    from chaos.faults import FAULTS

    defs: dict[str, Schema] = {"condition": CONDITION, "abort-condition": ABORT}
    root = _noun(ExperimentPart, defs)
    for word, fault in FAULTS.items():
        defs[f"fault-{word}"] = _fault(fault, defs)
    words = {word: {"$ref": f"#/$defs/fault-{word}", "description": first_line(FAULTS[word])} for word in FAULTS}
    one = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False}
    defs["fault"] = one | {"description": "One fault.", "properties": words}
    faults = {"type": "array", "items": {"$ref": "#/$defs/fault"}, "minItems": 2}
    together = faults | {"description": "Faults that are on at once."}
    wait = _value(Duration, defs) | {"description": "Nothing is done for so long."}
    defs["step"] = one | {
        "description": "One step: a fault, several `together`, or a `wait`.",
        "properties": words | {"together": together, "wait": wait},
    }
    root["properties"]["method"] |= {"items": {"$ref": "#/$defs/step"}, "minItems": 1}
    return _document("experiment", "A Saleproof experiment", root, defs)


def target_schema() -> Schema:
    """What an editor needs to check and complete a target file."""
    defs: dict[str, Schema] = {"condition": CONDITION}
    root = _noun(TargetPart, defs)
    return _document("target", "A Saleproof target", root, defs)


def _document(name: str, title: str, root: Schema, defs: Mapping[str, Schema]) -> Schema:
    head = {
        "$schema": DIALECT,
        "$id": f"https://github.com/saleproof/saleproof/schema/{name}.schema.json",
        "title": title,
    }
    return head | root | {"$defs": dict(sorted(defs.items()))}


def _fault(fault: type[Any], defs: dict[str, Schema]) -> Schema:
    schema = _noun(fault, defs)
    common = common_keys(fault)
    described = {word: _value(COMMON[word][0], defs) | {"description": COMMON[word][1]} for word in common}
    schema["properties"] = described | schema["properties"]
    scope = SCOPE_KEYS[fault.acts_on]
    schema["required"] = [*([scope] if scope else []), FOR, *schema.get("required", [])]
    schema["examples"] = [fault.example]
    return schema


def _noun(noun: type[Noun], defs: dict[str, Schema]) -> Schema:
    """An object with the noun's keys and no others."""
    texts = descriptions(noun)
    properties: dict[str, Schema] = {}
    for key in keys_of(noun).values():
        schema = _value(key.kind, defs)
        if key.word in _CONDITIONS and noun.__module__.endswith("experiment_file"):
            schema["items"] = {"$ref": f"#/$defs/{_CONDITIONS[key.word]}"}
        if key.word == "objective":
            schema = {"$ref": "#/$defs/condition"}
        if key.word in texts:
            schema = schema | {"description": texts[key.word]}
        default = _default(key.default)
        if not key.required and default is not None:
            schema = schema | {"default": default}
        properties[key.word] = schema
    required = [key.word for key in keys_of(noun).values() if key.required]
    out: Schema = {"type": "object", "description": first_line(noun), "properties": properties}
    return out | ({"required": required} if required else {}) | {"additionalProperties": False}


def _value(kind: Any, defs: dict[str, Schema]) -> Schema:
    kind, metas = strip(kind)
    members = choices(kind)
    if len(members) > 1:
        schema: Schema = {"anyOf": [_value(member, defs) for member in members]}
    elif members[0] is not kind:
        schema = _value(members[0], defs)
    else:
        schema = _plain(kind, defs)
    for meta in metas:
        schema = schema | _limits(meta, schema.get("type"))
    return schema


def _plain(kind: Any, defs: dict[str, Schema]) -> Schema:
    origin = get_origin(kind)
    if kind is Any or kind is object:
        return {}
    if origin is Literal:
        return {"enum": list(get_args(kind))}
    if origin in (tuple, list):
        return _array(kind, defs)
    if origin is dict:
        return {"type": "object", "additionalProperties": _value(get_args(kind)[1], defs)}
    if is_noun(kind):
        name = _name(kind)
        if name not in defs:
            defs[name] = {}  # so that a noun that contains itself ends here
            defs[name] = _noun(kind, defs)
        return {"$ref": f"#/$defs/{name}"}
    if issubclass(kind, StrEnum):
        return {"enum": [member.value for member in kind]}
    if issubclass(kind, Quantity):
        return quantity(kind)
    return {"type": {str: "string", int: "integer", float: "number", bool: "boolean"}[kind]}


def quantity(kind: type[Quantity]) -> Schema:
    """A text with its unit. Named groups are Python's; JSON Schema has JavaScript's expressions."""
    pattern = re.sub(r"\(\?P<\w+>", "(?:", kind.PATTERN)
    return {"type": "string", "pattern": rf"^\s*(?:{pattern})\s*$", "examples": [kind.EXAMPLES]}


def _array(kind: Any, defs: dict[str, Schema]) -> Schema:
    args = get_args(kind)
    if get_origin(kind) is list or (len(args) == 2 and args[1] is Ellipsis):
        return {"type": "array", "items": _value(args[0], defs)}
    items = [_value(arg, defs) for arg in args]
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}


def _limits(meta: msgspec.Meta, kind: str | None) -> Schema:
    """The constraints that JSON Schema can say; not those on what a quantity's text means."""
    limits: Schema = {}
    if kind in ("integer", "number"):
        names = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
        limits |= {word: getattr(meta, name) for name, word in names.items() if getattr(meta, name) is not None}
    if meta.min_length is not None and kind in ("string", "array", "object"):
        limits[{"string": "minLength", "array": "minItems", "object": "minProperties"}[kind]] = meta.min_length
    if meta.pattern is not None and kind == "string":
        limits["pattern"] = meta.pattern
    return limits


def _default(value: Any) -> Any:
    """A default as the file would say it; None where there is nothing to say."""
    if isinstance(value, Quantity):
        return str(value)
    if isinstance(value, tuple):
        return list(value) or None
    if isinstance(value, Noun) or value in ({}, "", None):
        return None
    return value


def _name(noun: type) -> str:
    """ServicePart -> service."""
    words = re.sub(r"(?<!^)([A-Z])", r"-\1", noun.__name__.removesuffix("Part")).lower()
    return (
        words
        if noun.__module__.startswith(("chaos.spec", "chaos.model"))
        else f"{noun.__module__.split('.')[-1]}-{words}"
    )
