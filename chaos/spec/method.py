"""The steps of a method: a fault, several together, or a wait."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from chaos.errors import CUTOFF, nearest
from chaos.masking import masked
from chaos.model.experiment import FaultSpec, MethodStep, Scope
from chaos.model.target import Target
from chaos.spec.convert import convert, convert_noun, unknown
from chaos.spec.marked import Node, flow
from chaos.spec.problems import Bad, Problems
from chaos.units import Duration, Ratio

# Keys of every fault, read here; all others are the fault's own.
FOR, SHARE = "for", "share"
SCOPE_KEYS: dict[str, str | None] = {
    "link": "link",
    "service": "service",
    "groups": "between",
    "traffic": None,
    "nothing": None,
}
SHARED_BY = frozenset({"link", "service"})


def common_keys(fault: type[Any]) -> tuple[str, ...]:
    """The keys that this fault has besides its own: where, for how long, and on how many."""
    scope = SCOPE_KEYS[fault.acts_on]
    share = (SHARE,) if fault.acts_on in SHARED_BY else ()
    return (*((scope,) if scope else ()), FOR, *share)


def read_method(node: Node, faults: Mapping[str, type[Any]], target: Target | None, problems: Problems) -> Any:
    """The steps, with their scopes checked against the target where there is one. Raises: Bad."""
    if not node.elements():
        problems.fail(node, "method", f"needs a list of at least one step, such as a fault or a wait; got {node}")
    reader = _Reader(faults, target, problems)
    steps = [reader.step(child, f"method[{index}]") for index, child in enumerate(node.elements())]
    if any(step is None for step in steps):
        raise Bad
    return tuple(step for step in steps if step is not None)


class _Reader:
    def __init__(self, faults: Mapping[str, type[Any]], target: Target | None, problems: Problems) -> None:
        self.faults, self.target, self.problems = faults, target, problems

    def step(self, node: Node, where: str) -> MethodStep | None:
        try:
            word, body = self._only_key(node, where, ("wait", "together"))
            if word == "wait":
                wait = convert(body, Duration, f"{where}.wait", self.problems)
                if wait <= 0:
                    self.problems.fail(body, f"{where}.wait", f"must be more than 0s; got {body}")
                return MethodStep(wait=wait, line=node.line)
            if word == "together":
                return MethodStep(faults=self._together(body, f"{where}.together"), line=node.line)
            return MethodStep(faults=(self._fault(word, body, node, f"{where}.{word}"),), line=node.line)
        except Bad:
            return None

    def _only_key(self, node: Node, where: str, others: tuple[str, ...]) -> tuple[str, Node]:
        known = [*others, *self.faults]
        pairs = node.items()
        if not pairs:
            examples = "`latency: {...}`" + (" or `wait: 10s`" if others else "")
            self.problems.fail(node, where, f"expected one {'step' if others else 'fault'}, {examples}; got {node}")
        wrong = [word for word, _ in pairs if word not in known]
        for word in wrong:
            what = "fault" if not others or len(pairs) == 1 else "step"
            self.problems.report(node.place_of(word), where, unknown(what, word, known))
        if wrong:
            raise Bad
        if len(pairs) > 1:
            words = ", ".join(word for word, _ in pairs)
            hint = "; begin each with '- ', or put faults that are on at once under `together:`" if others else ""
            self.problems.fail(node, where, f"one step has one key; got {words}{hint}")
        return pairs[0]

    def _together(self, node: Node, where: str) -> tuple[FaultSpec, ...]:
        if len(node.elements()) < 2:
            self.problems.fail(node, where, f"expected a list of two faults or more; got {node}")
        read: list[FaultSpec] = []
        bad = False
        for index, child in enumerate(node.elements()):
            inner = f"{where}[{index}]"
            try:
                word, body = self._only_key(child, inner, ())
                read.append(self._fault(word, body, child, f"{inner}.{word}"))
            except Bad:
                bad = True
        if bad:
            raise Bad
        return tuple(read)

    def _fault(self, word: str, body: Node, node: Node, where: str) -> FaultSpec:
        kind = self.faults[word]
        if not body.is_mapping:
            keys = f"{{{', '.join(common_keys(kind))}, ...}}"
            self.problems.fail(body, where, f"expected a mapping, like `{kind.example}` ({keys}); got {body}")
        before = len(self.problems.errors)
        fault: Any = None
        with contextlib.suppress(Bad):
            fault = convert_noun(body, kind, where, self.problems, known=common_keys(kind))
        duration = self._duration(body, where)
        scope = self._scope(kind, body, where)
        if len(self.problems.errors) > before:
            raise Bad
        return FaultSpec(
            kind=word, fault=fault, scope=scope, duration=duration, line=node.line,
            text=masked(f"{word}: {flow(body)}"), said=tuple(key for key, _ in body.items()),
        )  # fmt: skip

    def _duration(self, body: Node, where: str) -> Duration:
        node = body.get(FOR)
        if node is None:
            self.problems.report(body, where, "missing key 'for': how long the fault is on, for example `for: 60s`")
            return Duration(0)
        try:
            duration: Duration = convert(node, Duration, f"{where}.for", self.problems)
        except Bad:
            return Duration(0)
        if duration <= 0:
            self.problems.report(node, f"{where}.for", f"must be more than 0s; got {node}")
        return duration

    def _scope(self, kind: Any, body: Node, where: str) -> Scope:
        word = SCOPE_KEYS[kind.acts_on]
        share = self._share(body, where) if kind.acts_on in SHARED_BY else None
        if word is None:
            return Scope()
        node = body.get(word)
        if node is None:
            example = {"link": "web -> db", "service": "web", "between": "[[web], [db]]"}[word]
            self.problems.report(body, where, f"missing key '{word}', for example `{word}: {example}`")
            return Scope()
        inner = f"{where}.{word}"
        try:
            if word == "between":
                pair = convert(node, tuple[tuple[str, ...], tuple[str, ...]], inner, self.problems)
                self._groups(pair, node, inner)
                return Scope(between=pair)
            text: str = convert(node, str, inner, self.problems)
            if word == "link":
                return Scope(link=self._link(text, node, inner), share=share)
            self._part(text, node, inner)
            return Scope(service=text, share=share)
        except Bad:
            return Scope()

    def _share(self, body: Node, where: str) -> Ratio | None:
        node = body.get(SHARE)
        if node is None:
            return None
        try:
            share: Ratio = convert(node, Ratio, f"{where}.{SHARE}", self.problems)
        except Bad:
            return None
        if share <= 0:
            self.problems.report(node, f"{where}.{SHARE}", f"{node} is none of them; write 1/3 or 100%, for example")
        return share

    def _parts(self) -> list[str]:
        """Services and their instances, in file order."""
        if self.target is None:
            return []
        names: dict[str, None] = {}
        for service in self.target.services.values():
            names |= dict.fromkeys((service.name, *service.instances()))
        return list(names)

    def _part(self, name: str, node: Node, where: str) -> None:
        if self.target is not None and name not in self._parts():
            words = list(self.target.services) if name not in self._parts() else []
            self.problems.fail(node, where, f"unknown service '{name}'.{_nearest(name, self._parts(), words)}")

    def _service(self, name: str) -> str:
        if self.target is None or name in self.target.services:
            return name
        return self.target.service_of(name)

    def _link(self, text: str, node: Node, where: str) -> str:
        ends = re.split(r"\s*->\s*", text.strip())
        if len(ends) != 2 or not all(ends):
            self.problems.fail(node, where, f"{text!r} is not a link; write it from the one that dials: web -> db")
        name = " -> ".join(ends)
        if self.target is None:
            return name
        links = list(self.target.links)
        if any(end not in self._parts() for end in ends):
            self.problems.fail(node, where, f"unknown link '{name}'.{nearest(name, links)}")
        source, dest = (self._service(end) for end in ends)
        if f"{source} -> {dest}" not in links:
            back = f"{dest} -> {source}"
            if back in links:
                message = f"unknown link '{name}'; write it from the one that dials. Did you mean '{back}'?"
                self.problems.fail(node, where, message)
            self.problems.fail(node, where, f"unknown link '{name}'.{nearest(name, links)}")
        return name

    def _groups(self, pair: tuple[tuple[str, ...], tuple[str, ...]], node: Node, where: str) -> None:
        before = len(self.problems.errors)
        for i, group in enumerate(pair):
            if not group:
                self.problems.report(node.find(i), f"{where}[{i}]", "an empty group; name a service")
            for j, name in enumerate(group):
                try:
                    self._part(name, node.find(i, j), f"{where}[{i}][{j}]")
                except Bad:
                    continue
                if i == 1 and name in pair[0]:
                    self.problems.report(node.find(i, j), f"{where}[1][{j}]", f"'{name}' is in both groups")
        if len(self.problems.errors) > before or self.target is None:
            if len(self.problems.errors) > before:
                raise Bad
            return
        first, second = ({self._service(name) for name in group} for group in pair)
        joined = [link for link in self.target.links.values() if {link.source, link.dest} & first]
        if not any({link.source, link.dest} & second for link in joined):
            links = ", ".join(self.target.links)
            self.problems.fail(node, where, f"no link joins the two groups, so nothing would be cut. Links: {links}.")


def _nearest(word: str, close_to: Iterable[str], listed: list[str]) -> str:
    """The nearest of many words, but only the important ones listed."""
    import difflib

    close = difflib.get_close_matches(word, list(close_to), n=1, cutoff=CUTOFF)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"{hint} Known: {', '.join(sorted(listed))}."
