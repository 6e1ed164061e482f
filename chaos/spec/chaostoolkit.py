"""Files of the Chaos Toolkit: read by its own loader, checked by its own rules, complained about in our words."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chaos.errors import SpecError, SpecErrors
from chaos.spec.files import read_text


def load_chaostoolkit(path: str | Path, *, check: bool = True) -> dict[str, Any]:
    """The experiment as the Chaos Toolkit has it, a plain dict. With `check`, its providers are looked up too.

    Raises: SpecError when it cannot be read, or is not a valid experiment.
    """
    if not read_text(path).strip():  # the same words for what cannot be read, whoever's format it is
        raise SpecError("the file is empty", path=path)
    if Path(path).suffix.lower() not in (".yaml", ".yml", ".json"):
        raise SpecError("the Chaos Toolkit reads .yaml, .yml and .json only; rename the file", path=path)
    with _quiet():
        experiment = _parse(Path(path))
        if check:
            check_chaostoolkit(experiment, path)
    return experiment


def check_chaostoolkit(experiment: dict[str, Any], path: str | Path) -> None:
    """Everything that the Chaos Toolkit itself would refuse. Raises: SpecError, SpecErrors."""
    from chaoslib.exceptions import ChaosException
    from chaoslib.experiment import ensure_experiment_is_valid

    try:
        ensure_experiment_is_valid(experiment)
    except ChaosException as error:
        reasons = [line.strip(" -") for line in str(error).splitlines() if line.strip(" -")] or [type(error).__name__]
        errors = [SpecError(f"not a valid Chaos Toolkit experiment: {reason}", path=path) for reason in reasons]
        raise (errors[0] if len(errors) == 1 else SpecErrors(errors)) from error
    except Exception as error:  # its checks take the right types for granted
        message = f"not a valid Chaos Toolkit experiment: {type(error).__name__}: {error}"
        raise SpecError(message, path=path) from error


def _parse(path: Path) -> dict[str, Any]:
    import yaml
    from chaoslib.exceptions import ChaosException
    from chaoslib.loader import parse_experiment_from_file

    try:
        experiment = parse_experiment_from_file(str(path))
    except ChaosException as error:
        # It wraps what YAML says into a text of several lines; the cause has the place.
        cause = error.__context__
        mark = (cause.problem_mark or cause.context_mark) if isinstance(cause, yaml.MarkedYAMLError) else None
        reason = f"{cause.problem or cause.context}" if isinstance(cause, yaml.MarkedYAMLError) else str(error)
        raise SpecError(f"not YAML: {reason}", path=path, line=None if mark is None else mark.line + 1) from error
    except json.JSONDecodeError as error:
        raise SpecError(f"not JSON: {error.msg}", path=path, line=error.lineno) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SpecError(f"cannot be read: {type(error).__name__}: {error}", path=path) from error
    if not isinstance(experiment, dict):
        raise SpecError("not a Chaos Toolkit experiment: expected a mapping at the top", path=path)
    return experiment


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Its checks log what they look at; the one who asked wants the answer alone."""
    logger = logging.getLogger("chaostoolkit")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)
