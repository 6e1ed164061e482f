"""A first target file from what was found: right as it stands, with remarks for the person who makes it better."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from chaos.model.survey import FoundService, Survey

# YAML 1.2 would read some other words as they are; whatever is not surely a plain word is quoted.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def draft(survey: Survey) -> str:
    """The file's text."""
    parts = [_head(survey), _services(survey), _links(survey), _traffic(survey), _slis(survey), _platform(survey)]
    return "\n".join(line for part in parts for line in part) + "\n"


def entry(survey: Survey) -> FoundService | None:
    """The service that customers talk to: it publishes a port and speaks HTTP; the edge before others."""
    found = [one for one in survey.services if one.published and one.protocol == "http"]
    wanted = {"edge": 0, "web": 1}
    return min(found, key=lambda one: (wanted.get(one.role, 2), not one.health), default=None)


def _head(survey: Survey) -> Iterator[str]:
    yield f"# A first description of the Compose project {survey.project!r}, made by `saleproof init` from what runs."
    yield "# Roles, protocols and traffic are guesses: make them right. Every key: docs/reference/target.md"
    for remark in survey.remarks:
        yield from _wrapped(remark)
    yield f"target: {_word(_target_name(survey.project))}"
    yield f"title: {_word('The Compose project ' + survey.project)}"
    yield "environment: local   # or staging, or production, which has to be armed"
    yield ""


def _wrapped(text: str) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(text, 116, initial_indent="# - ", subsequent_indent="#   ", break_long_words=False)


def _target_name(project: str) -> str:
    return project if project[0].isalpha() else f"p-{project}"


def _services(survey: Survey) -> Iterator[str]:
    yield "services:"
    for one in survey.services:
        count = f", count: {one.count}" if one.count > 1 else ""
        yield f"  {one.name}: {{role: {_word(one.role)}{count}}}   # image {one.image}"
        for reason in one.cannot:
            yield f"    # {reason}"
    for other in survey.outside:
        yield f"  {other.name}: {{role: external, external: {json.dumps(f'{other.host}:{other.port}')}}}"
    yield ""


def _links(survey: Survey) -> Iterator[str]:
    if not survey.links:
        yield "links: {}   # none was seen; write `web -> db: {protocol: postgres}`, from the one that dials"
        yield ""
        return
    yield "links:   # from the one that dials"
    health = {one.name: one.health for one in survey.services}
    for link in survey.links:
        path = health.get(link.dest, "")
        more = f", path: {json.dumps(path)}" if link.protocol == "http" and path not in ("", "/") else ""
        known = "; ".join(link.evidence)
        only = " alone says so: is there one?" if link.evidence == ("depends_on",) else ""
        yield f"  {link.source} -> {link.dest}: {{protocol: {link.protocol}{more}}}   # {known}{only}"
    yield ""


def _traffic(survey: Survey) -> Iterator[str]:
    found = entry(survey)
    lines = [
        "traffic:   # what customers do: put your own steps and rates here",
        f"  entry: {found.name if found else 'WEB'}",
        "  rate: 5/s",
        "  steps:",
        "    home: {get: /}",
        "  journeys:",
        "    look: {steps: [home]}",
    ]
    if found is None:
        yield "# Nothing that speaks HTTP publishes a port. Once something does:"
    yield from (line if found else f"# {line}" for line in lines)
    yield ""


def _slis(survey: Survey) -> Iterator[str]:
    """Of those that can be asked from here: what their own health checks ask, else the first page."""
    asked = [one for one in survey.services if one.protocol == "http" and one.port and (one.health or one.published)]
    if not asked:
        return
    yield "slis:   # an HTTP status; a condition on it: `web-health < 400`"
    for one in asked:
        yield f"  {one.name}-health: {{http: {one.name}, path: {json.dumps(one.health or '/')}}}"
    yield ""
    if entry(survey):
        yield "slos:"
        yield '  - {objective: "availability >= 99.9%", window: 30d}'
        yield ""


def _platform(survey: Survey) -> Iterator[str]:
    yield "platforms:"
    yield "  compose:   # without `files` it is never brought up or taken down from here"
    yield f"    project: {_word(survey.project)}"
    said = [line for one in survey.services for line in _found_by(one)]
    if said:
        yield "    services:"
        yield from said


def _found_by(one: FoundService) -> Iterable[str]:
    port = [f"port: {one.port}"] if one.port else []
    # The instances of a service with several are its containers by their numbers.
    service = (
        [f"service: {json.dumps(one.compose_service)}"] if one.count > 1 or one.compose_service != one.name else []
    )
    if port or service:
        yield f"      {one.name}: {{{', '.join(port + service)}}}"


def _word(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text)
