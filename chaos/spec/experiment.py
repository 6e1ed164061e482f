"""Load an experiment file and resolve it against its target."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chaos.errors import SpecError, SpecErrors, nearest
from chaos.model.experiment import Experiment, FaultSpec, MethodStep, Profile, Until, Windows
from chaos.model.objective import Condition
from chaos.model.sli import Source
from chaos.model.target import Target
from chaos.spec import condition, files
from chaos.spec.convert import convert_noun, unknown
from chaos.spec.experiment_file import ExperimentPart, WindowsPart
from chaos.spec.marked import Key, Node, shorten, spell
from chaos.spec.method import read_method
from chaos.spec.printable import check_printable
from chaos.spec.problems import Bad, Problems
from chaos.spec.target import load_target
from chaos.units import Duration

# What is expected of a variant: the outcome, and for people the reason.
_EXPECTED = re.compile(r"(held|deviated|inconclusive)(:\s*\S.*)?", re.DOTALL)
_TARGET_NAME = re.compile(condition.NAME)
_SUFFIXES = (".yaml", ".yml", ".json")


def load_experiment(
    path: str | Path,
    *,
    profile: str | None = None,
    target_file: str | Path | None = None,
    target: Target | None = None,
    until: Until | None = None,
) -> tuple[Experiment, Target]:
    """The experiment and the target that it names, with a profile applied if one is named, and `until` in place of its.

    The target is looked up as `targets/<name>.yaml` beside the experiment and upwards, then in the working directory;
    `target_file` names it instead, or `target` is it. Raises: SpecError, SpecErrors.
    """
    source = files.read(path)
    problems = Problems(path)
    part = _shape(source.root, problems)
    elsewhere: list[SpecError] = []
    if target is None:
        target = _target(source.root, Path(path), target_file, problems, elsewhere)
    else:
        _refuse_another(source.root, target, problems)
    experiment = _resolve(part, source, target, problems)
    _raise(problems, elsewhere)
    if experiment is None or target is None:
        raise SpecError("cannot be read", path=path)  # never without a problem that was raised above
    if profile is not None:
        experiment = with_profile(experiment, profile)
    if until is not None:
        import msgspec

        experiment = msgspec.structs.replace(experiment, until=until)
    return experiment, target


def with_profile(experiment: Experiment, name: str) -> Experiment:
    """The experiment with what that profile names in place of its own. Raises: SpecError for an unknown one."""
    if name not in experiment.profiles:
        known = nearest(name, experiment.profiles) or " It has no profiles."
        raise SpecError(f"unknown profile '{name}'.{known}", path=experiment.path)
    import msgspec

    profile = experiment.profiles[name]
    changes: dict[str, Any] = {
        word: getattr(profile, word)
        for word in ("windows", "hypothesis", "during", "recovery", "until")
        if getattr(profile, word) is not None
    }
    if profile.fault is not None:
        changes["method"] = tuple(
            msgspec.structs.replace(step, faults=tuple(_lasting(fault, profile.fault) for fault in step.faults))
            for step in experiment.method
        )
    return msgspec.structs.replace(experiment, **changes)


def _lasting(fault: FaultSpec, duration: Duration) -> FaultSpec:
    """The same fault for so long, and its words with it: what people read is what is done."""
    import msgspec

    text = re.sub(r"\bfor: [^,}]+", f"for: {duration}", fault.text)
    return msgspec.structs.replace(fault, duration=duration, text=text)


def find_target(name: str, experiment: Path) -> Path:
    """Where the target file of that name is. Raises: SpecError with the folders that were searched."""
    folders = [parent / "targets" for parent in experiment.resolve().parents] + [Path.cwd() / "targets"]
    seen = list(dict.fromkeys(folder for folder in folders if folder.is_dir()))
    for folder in seen:
        for suffix in _SUFFIXES:
            path = folder / f"{name}{suffix}"
            if os.path.isfile(path):  # noqa: PTH113 pathlib's raises for a name that is too long
                return _short(path)
    there = [file.stem for folder in seen for file in sorted(folder.iterdir()) if file.suffix in _SUFFIXES]
    searched = f" Searched {', '.join(str(_short(folder)) for folder in seen)}." if seen else ""
    hint = nearest(name, there) or " There is no folder 'targets' with a target file, here or above."
    raise SpecError(f"unknown target '{shorten(name)}'.{hint}{searched} Or say --target FILE.", path=experiment)


def _short(path: Path) -> Path:
    """Relative to the working directory where it is below it: that is what a person wrote."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _raise(problems: Problems, elsewhere: list[SpecError]) -> None:
    if not elsewhere:
        problems.done()
        return
    errors = [*problems.errors, *elsewhere]
    raise errors[0] if len(errors) == 1 else SpecErrors(errors)


def _shape(root: Node, problems: Problems) -> ExperimentPart | None:
    try:
        return convert_noun(root, ExperimentPart, "", problems)
    except Bad:
        return None


def _target(
    root: Node, path: Path, given: str | Path | None, problems: Problems, elsewhere: list[SpecError]
) -> Target | None:
    """The target, or None after reporting why there is none."""
    name = root.get("target")
    if name is None or not isinstance(name.value, str):
        return None
    if not _TARGET_NAME.fullmatch(name.value):
        problems.at(root, ("target",), f"{name} is not a target's name; write one such as `target: shop`")
        return None
    try:
        file = Path(given) if given is not None else find_target(name.value, path)
    except SpecError as error:
        problems.at(root, ("target",), error.message)
        return None
    try:
        target = load_target(file)
    except SpecErrors as error:
        elsewhere.extend(error.errors)
        return None
    except SpecError as error:
        elsewhere.append(error)
        return None
    if target.name != name.value:
        problems.at(root, ("target",), f"asks for '{name.value}', and {file} describes '{target.name}'")
    return target


def _refuse_another(root: Node, target: Target, problems: Problems) -> None:
    """Every word of another target's file is unknown, and none of them is the mistake. Raises: SpecError."""
    name = root.get("target")
    if name is not None and isinstance(name.value, str) and name.value != target.name:
        problems.at(root, ("target",), f"asks for '{name.value}', and {target.path} describes '{target.name}'")
        problems.done()


def _resolve(
    part: ExperimentPart | None, source: files.Source, target: Target | None, problems: Problems
) -> Experiment | None:
    """Everything that needs the target. None when anything is wrong; the reasons are in `problems`."""
    from chaos.faults import FAULTS

    root = source.root
    method: tuple[MethodStep, ...] | None = None
    if root.get("method") is not None:
        try:
            method = read_method(root.find("method"), FAULTS, target, problems)
        except Bad:
            method = None
    if target is None:
        return None
    silent = root.find("load").value == "none"
    sentences = _Sentences(root, target, problems, silent)
    read = sentences.read
    hypothesis = read("hypothesis")
    during = read("during")
    abort_deviated = sentences.deviations([c.key for c in (*hypothesis, *during) if c.tolerance is None])
    abort = read("abort", role="abort")
    varied = {
        name: (read("profiles", name, "hypothesis"), read("profiles", name, "during")) for name in _profiles(root)
    }
    _need_an_objective(hypothesis, root, ("hypothesis",), problems)
    for name, (claimed, _) in varied.items():
        _need_an_objective(claimed, root, ("profiles", name, "hypothesis"), problems)
    if part is None:
        return None
    windows = _windows(part.windows, Windows())
    profiles = {
        name: Profile(
            windows=None if profile.windows is None else _windows(profile.windows, windows),
            fault=profile.for_,
            hypothesis=None if profile.hypothesis is None else varied[name][0],
            during=None if profile.during is None else varied[name][1],
            recovery=profile.recovery,
            until=profile.until,
        )
        for name, profile in part.profiles.items()
    }
    load = _load(part, target, root, problems)
    for variant, expected in part.expects.items():
        if variant not in target.variants:
            node = root.find("expects").place_of(variant)
            problems.report(node, "expects", unknown("variant", variant, target.variants))
        if not _EXPECTED.fullmatch(expected):
            message = f"{expected!r} is no outcome; write held, inconclusive, or `deviated: why`"
            problems.at(root, ("expects", variant), message)
    reasons = [(("expects", variant), expected) for variant, expected in part.expects.items()]
    check_printable([(("title",), part.title), (("why",), part.why), *reasons], root, problems)
    if problems.errors or method is None:
        return None
    return Experiment(
        title=part.title, target=part.target, why=part.why, expects=part.expects, load=load, windows=windows,
        until=part.until,
        hypothesis=hypothesis, during=during, method=method, recovery=part.recovery, abort=abort,
        abort_deviated=abort_deviated, profiles=profiles,
        tags=part.tags, path=str(source.path), text=source.text,
    )  # fmt: skip


def _load(part: ExperimentPart, target: Target, root: Node, problems: Problems) -> str:
    if target.traffic is None:
        if part.load not in (None, "none"):
            problems.at(
                root, ("load",), f"'{part.load}': the target '{target.name}' has no traffic; write `load: none`"
            )
        return "none"
    load = part.load or "normal"
    if load != "none" and load not in target.traffic.profiles:
        problems.at(root, ("load",), unknown("traffic profile", load, [*target.traffic.profiles, "none"]))
    return load


def _need_an_objective(
    conditions: tuple[Condition, ...], root: Node, path: tuple[Key, ...], problems: Problems
) -> None:
    if conditions and all(condition.tolerance is not None for condition in conditions):
        message = "only compares with before; say also what must be true before, such as `availability >= 99%`"
        problems.at(root, path, message)


def _windows(part: WindowsPart | None, base: Windows) -> Windows:
    if part is None:
        return base
    return Windows(
        warm_up=base.warm_up if part.warm_up is None else part.warm_up,
        before=base.before if part.before is None else part.before,
        after=base.after if part.after is None else part.after,
        least=base.least if part.least is None else part.least,
    )


def _profiles(root: Node) -> tuple[str, ...]:
    profiles = root.get("profiles")
    return () if profiles is None else tuple(name for name, _ in profiles.items())


class _Sentences:
    """Reads lists of conditions, reporting each that is wrong."""

    def __init__(self, root: Node, target: Target, problems: Problems, silent: bool) -> None:
        self.root, self.target, self.problems, self.silent = root, target, problems, silent

    def read(self, *path: Key, role: condition.Role = "hypothesis") -> tuple[Condition, ...]:
        """The sentences at that place of the file; those that are no text have been reported already."""
        read: dict[str, Condition] = {}
        here = self.root.get(str(path[0])) and self.root.find(*path)
        if here is None or here is self.root.find(*path[:-1]):
            return ()
        for index, node in enumerate(here.elements()):
            if not isinstance(node.value, str) or (role == "abort" and condition.is_deviation(node.value)):
                continue
            where = spell((*path, index))
            try:
                sentence = condition.parse(node.value, self.target, role=role, line=node.line)
            except condition.Wrong as wrong:
                self.problems.report(node, where, str(wrong))
                continue
            if self.silent and sentence.source is Source.LOAD:
                message = f"'{sentence.key}' is measured on traffic, and there is none: `load: none`"
                self.problems.report(node, where, message)
            if sentence.key in read and role == "hypothesis":
                first = read[sentence.key]
                message = f"'{sentence.key}' is on line {first.line} already: `{first.text}`"
                self.problems.report(node, where, message)
            read[sentence.text if role == "abort" else sentence.key] = sentence
        return tuple(read.values())

    def deviations(self, judged: Sequence[str]) -> tuple[str, ...]:
        """Whose deviation aborts: `deviated` and `checkout.p99 deviated`, among the abort conditions."""
        here = self.root.get("abort")
        keys: dict[str, None] = {}
        for index, node in enumerate(here.elements() if here is not None else ()):
            if isinstance(node.value, str) and condition.is_deviation(node.value):
                try:
                    keys[condition.deviation(node.value, judged)] = None
                except condition.Wrong as wrong:
                    self.problems.report(node, spell(("abort", index)), str(wrong))
        return tuple(keys)
