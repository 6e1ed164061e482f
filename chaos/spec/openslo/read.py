"""OpenSLO v1 documents as the `slis`, `slos` and `events` of a target file. What has no place there is noted, with its
line; nothing is dropped in silence, and no objective is changed to make it fit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chaos.errors import nearest
from chaos.model.sli import LOAD_SLIS
from chaos.spec import condition, files
from chaos.spec.marked import Key, Node, spell
from chaos.spec.openslo import metrics, words
from chaos.spec.openslo.metrics import Indicator, NotTaken
from chaos.spec.problems import Bad, Problems
from chaos.spec.slo_checks import LONGEST


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """One thing that was not taken over, or not as it was."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclass(kw_only=True)
class Imported:
    """Parts of a target file, as plain data in the order in which they were met."""

    slis: dict[str, dict[str, Any]] = field(default_factory=dict)
    slos: list[dict[str, Any]] = field(default_factory=list)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def load(paths: Iterable[str | Path]) -> Imported:
    """Raises: SpecError, SpecErrors for what is not OpenSLO v1."""
    reader = _Reader()
    for path in paths:
        problems = Problems(path)
        for document in files.read_all(path):
            # Several objects are several documents, or one list of them.
            for each in document.elements() if document.is_list else (document,):
                try:
                    reader.take(each, problems)
                except Bad:
                    continue
        problems.done()
    return reader.finish()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Document:
    path: str
    root: Node
    name: str


class _Reader:
    """Documents in any order, then what they mean: an SLO may name an SLI of a later file."""

    def __init__(self) -> None:
        self.out = Imported()
        self.slis: dict[str, _Document] = {}
        self.slos: list[_Document] = []
        self.sources: dict[str, str] = {}
        self.names: dict[str, str] = {}  # OpenSLO's name of an SLI -> ours

    def take(self, root: Node, problems: Problems) -> None:
        """Raises: Bad, after it was reported."""
        version, kind = _text(root, "apiVersion"), _text(root, "kind")
        if version != words.API_VERSION:
            got = "no apiVersion" if version is None else f"'{version}' is another version or no OpenSLO"
            problems.fail(root.find("apiVersion"), "apiVersion", f"{got}; {words.API_VERSION} is read")
        if kind not in words.KINDS:
            problems.fail(root.find("kind"), "kind", f"unknown kind '{kind}'.{nearest(str(kind), words.KINDS)}")
        name = _text(root, "metadata", "name")
        if not name:
            problems.fail(root.find("metadata"), "metadata", "missing key 'name'")
        if not root.find("spec").is_mapping or root.get("spec") is None:
            problems.fail(root, "spec", "missing, or no mapping")
        document = _Document(path=problems.path, root=root, name=name)
        if kind == "SLI":
            self._once(document, problems)
        elif kind == "SLO":
            self.slos.append(document)
        elif kind == "DataSource":
            self.sources[name] = _text(root, "spec", "type") or ""
            self.note(
                document, ("spec",), f"DataSource {name}: how a server is reached is `prometheus` in a target file"
            )
        elif kind != "Service":
            self.note(document, ("kind",), f"{kind} {name}: alerts are made by `saleproof slo rules`")
        self._unused(document, ("metadata",), {"name", "annotations"})

    def _once(self, document: _Document, problems: Problems) -> None:
        if document.name in self.slis:
            problems.fail(document.root, "metadata.name", f"'{document.name}' is the name of another SLI already")
        self.slis[document.name] = document

    def finish(self) -> Imported:
        for document in self.slis.values():
            self._try(document, lambda document=document: self._sli(document))
        for document in self.slos:
            self._try(document, lambda document=document: self._slo(document))
        self.out.notes.sort(key=lambda note: (note.path, note.line))
        return self.out

    def note(self, document: _Document, path: tuple[Key, ...], text: str) -> None:
        node = document.root.find(*path)
        self.out.notes.append(Note(path=document.path, line=node.line, text=text))

    def _try(self, document: _Document, call: Any) -> None:
        try:
            call()
        except NotTaken as reason:
            where = f"{spell(reason.path)}: " if reason.path else ""
            self.note(document, reason.path, f"{document.name} is not taken over: {where}{reason}")

    def _unused(self, document: _Document, path: tuple[Key, ...], used: set[str]) -> None:
        """Keys that have no place."""
        for word, child in document.root.find(*path).items() if _is_at(document.root, path) else ():
            if word not in used and child.value is not None:
                self.note(document, (*path, word), f"{spell((*path, word))} has no place in a target file")

    def _sli(self, document: _Document) -> None:
        indicator = metrics.indicator(document.root, ("spec",), self.sources)
        if indicator.sli is None:
            raise NotTaken("it is measured on our own customers, and needs no declaration", ("spec",))
        name = self._sli_name(document)
        self.names[document.name] = name
        self.out.slis[name] = indicator.sli
        self._unused(document, ("spec",), {"ratioMetric", "thresholdMetric"})

    def _sli_name(self, document: _Document, fallback: str = "") -> str:
        kept = _text(document.root, "metadata", "annotations", words.NAME)
        name = kept if kept and words.label(kept) == document.name else fallback or document.name
        ours = _ours(name)
        if ours in LOAD_SLIS or condition.is_percentile(ours):
            ours = f"{ours}-sli"
        if ours != name:
            self.note(document, ("metadata", "name"), f"the SLI '{name}' is '{ours}' in a target file")
        return ours

    def _slo(self, document: _Document) -> None:
        root, spec = document.root, ("spec",)
        indicator, name = self._indicator(document)
        window = self._window(document)
        method = _text(root, "spec", "budgetingMethod")
        if method not in ("Occurrences", "Timeslices"):
            known = "Occurrences and Timeslices are"
            raise NotTaken(f"'{method}' is not a method that is known here; {known}", (*spec, "budgetingMethod"))
        objectives = root.find("spec", "objectives").elements() if _is_at(root, (*spec, "objectives")) else ()
        if not objectives:
            raise NotTaken("there is no objective", (*spec, "objectives"))
        kept = _text(root, "metadata", "annotations", words.NAME)
        base = _ours(kept if kept and words.label(kept) == document.name else document.name)
        for index in range(len(objectives)):
            path: tuple[Key, ...] = (*spec, "objectives", index)
            self._try(document, lambda path=path, index=index: self._objective(
                document, path, base if index == 0 else f"{base}-{index + 1}", indicator, name, window, method
            ))  # fmt: skip
        known_keys = {"indicator", "indicatorRef", "timeWindow", "budgetingMethod", "objectives", "service"}
        self._unused(document, spec, known_keys)

    def _indicator(self, document: _Document) -> tuple[Indicator, str]:
        """(what is measured, the name of the SLI). Raises: NotTaken."""
        root = document.root
        reference = _text(root, "spec", "indicatorRef")
        if reference is not None:
            if reference not in self.slis:
                raise NotTaken(
                    f"there is no SLI '{reference}'.{nearest(reference, self.slis)}", ("spec", "indicatorRef")
                )
            if reference not in self.names:
                raise NotTaken(f"its SLI '{reference}' is not", ("spec", "indicatorRef"))
            there = self.slis[reference]
            return metrics.indicator(there.root, ("spec",), self.sources), self.names[reference]
        if not _is_at(root, ("spec", "indicator", "spec")):
            raise NotTaken("it has neither indicator nor indicatorRef", ("spec",))
        indicator = metrics.indicator(root, ("spec", "indicator", "spec"), self.sources)
        if indicator.sli is None:
            return indicator, ""
        inline = _text(root, "spec", "indicator", "metadata", "name") or f"{document.name}-sli"
        name = self._sli_name(_Document(path=document.path, root=root, name=document.name), inline)
        if name in self.out.slis and self.out.slis[name] != indicator.sli:
            name = f"{name}-{len(self.out.slis)}"
        self.out.slis[name] = indicator.sli
        return indicator, name

    def _objective(
        self, document: _Document, path: tuple[Key, ...], name: str, indicator: Indicator, sli: str, window: Any,
        method: str,
    ) -> None:  # fmt: skip
        node = document.root.find(*path)
        sentence = metrics.sentence(node, path, indicator, sli)
        slo: dict[str, Any] = {"name": name, "objective": sentence, "window": window}
        slo |= metrics.readings(node, path, indicator)
        if method == "Timeslices":
            slo |= metrics.slices(node, path)
        self.out.slos.append(slo)
        used = {"target", "targetPercent", "op", "value", "timeSliceTarget", "timeSliceWindow"}
        self._unused(document, path, used)

    def _window(self, document: _Document) -> Any:
        """Raises: NotTaken."""
        root, path = document.root, ("spec", "timeWindow", 0)
        windows = root.find("spec", "timeWindow").elements() if _is_at(root, path[:2]) else ()
        if len(windows) != 1:
            raise NotTaken("an objective needs one window", path[:2])
        duration = _text(root, *path, "duration") or ""
        length_s, days = words.seconds(duration), words.nominal_days(duration)
        if length_s is None and days is None:
            raise NotTaken(f"'{duration}' is no duration of OpenSLO", (*path, "duration"))
        if (length_s if length_s is not None else (days or 0) * 86400) > LONGEST:
            raise NotTaken(f"{duration} is longer than {LONGEST}, the longest window here", (*path, "duration"))
        event = _text(root, "metadata", "annotations", words.EVENT)
        if windows[0].get("calendar") is not None:
            return self._calendar(document, path, duration, length_s, event)
        if event is not None:
            return self._event(document, event, length_s, None)
        if days is not None:
            self.note(document, (*path, "duration"), f"a rolling {duration} has no length of its own; {days}d is taken")
            return f"{days}d"
        assert length_s is not None
        return _duration(length_s)

    def _calendar(
        self, document: _Document, path: tuple[Key, ...], duration: str, length_s: float | None, event: str | None
    ) -> Any:
        zone = _text(document.root, *path, "calendar", "timeZone") or "UTC"
        text = (_text(document.root, *path, "calendar", "startTime") or "").removesuffix("Z")
        try:
            starts = datetime.fromisoformat(text)
            there = ZoneInfo(zone)
        except (ValueError, ZoneInfoNotFoundError, OSError) as cause:
            what = f"'{text}' in '{zone}' is no moment in a time zone"
            raise NotTaken(what, (*path, "calendar")) from cause
        if event is not None:
            return self._event(document, event, length_s, starts.replace(tzinfo=there))
        for unit, said in words.CALENDAR.items():
            if duration == said and words.aligned(unit, starts):
                return {"calendar": unit} | ({} if zone == "UTC" else {"time-zone": zone})
        raise NotTaken(
            f"{duration} from {text} on is no day, week (from Monday), month, quarter or year of the calendar",
            (*path, "calendar"),
        )

    def _event(self, document: _Document, name: str, length_s: float | None, starts: datetime | None) -> str:
        if length_s is None:
            raise NotTaken(f"the event '{name}' has no length", ("spec", "timeWindow", 0, "duration"))
        event: dict[str, Any] = {} if starts is None else {"starts": starts.isoformat()}
        event["lasts"] = _duration(length_s)
        traffic = _text(document.root, "metadata", "annotations", words.TRAFFIC)
        if traffic is not None:
            event["traffic"] = traffic
        if self.out.events.setdefault(name, event) != event:
            raise NotTaken(f"the event '{name}' is another one elsewhere", ("metadata", "annotations"))
        return name


def _duration(seconds: float) -> str:
    from chaos.units import Duration

    return str(Duration(seconds))


def _text(root: Node, *path: Key) -> str | None:
    """A scalar's text at a path; None where there is none."""
    if not _is_at(root, path):
        return None
    node = root.find(*path)
    return node.text if not node.is_list and not node.is_mapping and node.value is not None else None


def _is_at(root: Node, path: tuple[Key, ...]) -> bool:
    here: Any = root
    for part in path:
        if isinstance(part, int):
            elements = here.elements()
            here = elements[part] if part < len(elements) else None
        else:
            here = here.get(part)
        if here is None:
            return False
    return True


def _ours(name: str) -> str:
    """A name that our grammar can read."""
    if re.fullmatch(condition.NAME, name):
        return name
    text = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
    return text if re.fullmatch(condition.NAME, text) else f"s-{text}"
